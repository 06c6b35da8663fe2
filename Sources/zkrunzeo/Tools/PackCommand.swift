//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import ZODBFormat
import ZODBStorage

/// `zkrunzeo pack STORAGE`.
struct PackCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pack",
        abstract:
            "Remove what is not needed any more from a storage: of a running server, or of a file that is closed.",
        discussion: """
            \(StorageEndpoint.forms)

            A server goes on serving while it packs; its status and its log tell how far it is.

            EXAMPLES
              zkrunzeo pack 127.0.0.1:8100 --days 3
              zkrunzeo pack Data.fs

            \(ToolStatus.table)
            """
    )

    @Argument(help: ArgumentHelp("The storage.", valueName: "storage"))
    var storage: String

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("How many days of history to keep. Default: none.", valueName: "days")
    )
    var days: Double = 0

    func validate() throws {
        guard (0...365_000).contains(self.days) else {
            throw ValidationError("--days \(self.days): expected a number of days, 0 or more")
        }
    }

    func run() async throws {
        try await ToolStatus.run {
            let endpoint = try StorageEndpoint(self.storage)
            let storage = try await endpoint.open(readOnly: false)
            let before = TransactionID(secondsSince1970: Date().timeIntervalSince1970 - self.days * 86_400)
            let result: Result<(Int, Int), any Error>
            do {
                result = .success(try await Self.pack(storage, before))
            } catch {
                result = .failure(error)
            }
            try await storage.close()
            let (old, new) = try result.get()
            let sizes = new <= old ? ": \(old.counted("byte")) before, \(new.counted("byte")) now" : ""
            print("\(self.storage): packed\(sizes)")
        }
    }

    private static func pack(_ storage: any Storage, _ before: TransactionID) async throws -> (Int, Int) {
        let output = ToolProgress()
        let old = try await storage.statistics().byteCount
        try await storage.pack(
            PackRequest(before: before) { progress in
                output.show("\(progress.phase.rawValue): \(progress.completed.percent(of: progress.total))")
            }
        )
        output.clear()
        return (old, try await storage.statistics().byteCount)
    }
}
