//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Testing
import ZEOAsyncServer
import ZEOProtocol
import ZODBStorage

/// Python's own ZEO client, unmodified, against this server.
@Suite(.timeLimit(.minutes(1)))
struct PythonClientTests {
    /// Runs one scenario of `zeo_client.py`, which says "done" at its end.
    private func play(
        _ scenario: String,
        of storages: [(name: String, storage: any Storage)]? = nil,
        _ configure: (inout ZEOServerConfiguration) -> Void = { _ in }
    ) async throws -> ServerLogLines {
        try await withZEOServer(of: storages, configure) { running in
            let output = try await runPython("zeo_client.py", [String(running.port), scenario], within: .seconds(50))
            #expect(output.hasSuffix("done"), "\(output)\n\(running.log.all)")
            return running.log
        }
    }

    @Test(arguments: [WireFormat.pickle, .messagePack])
    func loadsAndCommits(format: WireFormat) async throws {
        _ = try await self.play("basics") { $0.wireFormat = format }
    }
}
