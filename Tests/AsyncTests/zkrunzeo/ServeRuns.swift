//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOPosix
import Testing
import ZKTestServer
import ZKZEOAsync
import ZODB

/// Starts `zkrunzeo` with these arguments in `directory`.
func zkrunzeo(
    _ arguments: [String],
    in directory: String,
    environment: [String: String] = [:]
) throws -> ChildProcess {
    try ChildProcess(TestPaths.zkrunzeo, arguments, environment: environment, directory: directory)
}

/// Starts `zkrunzeo -C` with this configuration in `directory`.
func zkrunzeo(configuration: String, in directory: String) throws -> ChildProcess {
    try configuration.write(toFile: directory + "/zeo.conf", atomically: true, encoding: .utf8)
    return try zkrunzeo(["-C", "zeo.conf"], in: directory)
}

/// Runs `zkrunzeo` to its end, expects this exit status and these words in what it prints, and returns that.
@discardableResult
func expectEnd(
    of process: ChildProcess,
    status: Int32,
    saying words: String...,
    sourceLocation: SourceLocation = #_sourceLocation
) async throws -> String {
    #expect(
        try await process.exitStatus(within: .seconds(40)) == status,
        "\(process.output)",
        sourceLocation: sourceLocation
    )
    for word in words {
        #expect(process.output.contains(word), "\(process.output)", sourceLocation: sourceLocation)
    }
    return process.output
}

/// A ZooKeeper that has `/databases/demo`.
func withRegistry(_ body: (ZKTestServer) async throws -> Void) async throws {
    try await ZKTestServer.withServer { zooKeeper in
        try await withSession(zooKeeper.connectionString) { try await $0.ensurePath("/databases/demo") }
        try await body(zooKeeper)
    }
}

extension ZKTestServer {
    /// The names of the servers that are registered at `/databases/demo`, sorted.
    func registered() async throws -> [String] {
        try await withSession(self.connectionString) { session in
            try await session.children("/databases/demo").names.sorted()
        }
    }

    /// Waits until these servers are registered at `/databases/demo`, and no others.
    func waitForRegistered(_ names: [String]) async throws {
        try await withSession(self.connectionString) { session in
            try await eventually("\(names) are registered") {
                try await session.children("/databases/demo").names.sorted() == names.sorted()
            }
        }
    }
}

/// Writes a value with a client of the server at `port`, and reads it with another.
func expectServing(port: Int, host: String = "127.0.0.1", storage: String = "1", value: Int = 1) async throws {
    var options = ClientOptions()
    options.storage = storage
    for isWriting in [true, false] {
        let client = try await ClientStorage.open(
            addresses: [ServiceAddress(host: host, port: port)],
            options: options
        )
        let database = try await Database.open(client)
        if isWriting {
            try await database.transaction { root in root["value"] = .int(value) }
        } else {
            #expect(try await database.read { root in root["value"]?.int } == value)
        }
        await database.close()
    }
}

/// The first bytes of what a server at an address says.
func greeting(connect: (ClientBootstrap) async throws -> any Channel) async throws -> [UInt8] {
    let received = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: ByteBuffer.self)
    let channel: any Channel
    do {
        channel = try await connect(
            ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(FirstBytes(received))
                }
            }
        )
    } catch {
        received.fail(error)
        throw error
    }
    let bytes = try await received.futureResult.get()
    try? await channel.close()
    return Array(bytes.readableBytesView)
}

private final class FirstBytes: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let received: EventLoopPromise<ByteBuffer>

    init(_ received: EventLoopPromise<ByteBuffer>) {
        self.received = received
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.received.succeed(self.unwrapInboundIn(data))
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.received.fail(ChannelError.eof)
    }
}
