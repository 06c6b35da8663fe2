//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOPosix
import Testing

@testable import ZEOAsyncServer

/// A folder with the certificates that Interop/Python/certificates.py makes.
struct TestCertificates: Sendable {
    let directory: String

    static func with<Result>(
        isolation: isolated (any Actor)? = #isolation,
        _ body: (TestCertificates) async throws -> Result
    ) async throws -> Result {
        try await withTemporaryDirectory { directory in
            try await runPython("certificates.py", [directory])
            return try await body(TestCertificates(directory: directory))
        }
    }

    func path(_ name: String) -> String { self.directory + "/" + name }

    func text(_ name: String) throws -> ZEOServerConfiguration.TLS.PEM {
        .text(try String(contentsOfFile: self.path(name), encoding: .utf8))
    }

    /// TLS as in a configuration: with files, for clients whom the authority signed.
    var tls: ZEOServerConfiguration.TLS {
        .init(
            certificateChain: .file(path: self.path("server.pem")),
            privateKey: .file(path: self.path("server.key")),
            clients: .trusted(.file(path: self.path("ca.pem")))
        )
    }

    /// Has Python's clients connect, each with a certificate, and expects it to be served or refused.
    func expectClients(port: Int, _ clients: String...) async throws {
        try await runPython("tls_clients.py", ["\(port)", self.directory] + clients, within: .seconds(50))
    }
}

/// Connects to a port, sends these bytes, and closes; with `reset`, without a word to the other side's system.
func knock(at port: Int, sending bytes: [UInt8], reset: Bool = false) async throws {
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connect(host: "127.0.0.1", port: port).get()
    if !bytes.isEmpty { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get() }
    if reset, let socket = channel as? any SocketOptionProvider {
        try await socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
    }
    try await channel.close().get()
}

/// Connects to a port, sends these bytes, and waits until the other side closes.
func waitForRefusal(at port: Int, sending bytes: [UInt8]) async throws {
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connect(host: "127.0.0.1", port: port).get()
    if !bytes.isEmpty { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get() }
    try await channel.closeFuture.get()
}
