//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import NIOPosix
import Testing
import ZEOAsyncServer
import ZEOProtocol
import ZODBFormat
import ZODBStorage

/// Clients that break the rules are cut off with a line in the log, and nobody else notices.
@Suite(.timeLimit(.minutes(1)))
struct HostileClientTests {
    /// Sends bytes behind the server's greeting, and waits until the server has closed the connection.
    private func attack(_ running: ZEOServerUnderTest, _ bytes: [UInt8]) async throws {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: running.port).get()
        // The server may have closed before everything is sent.
        try? await channel.writeAndFlush(ByteBuffer(bytes: bytes))
        try await channel.closeFuture.get()
    }

    private func frame(_ text: String) -> [UInt8] { self.frame(Array(text.utf8)) }

    private func frame(_ body: [UInt8]) -> [UInt8] {
        var buffer = ByteBuffer()
        SizedFrame.write(body, into: &buffer)
        return Array(buffer.readableBytesView)
    }

    /// What an attacker may send: the bytes, and what the log says about it.
    private var attacks: [(bytes: [UInt8], line: String)] {
        let register: [UInt8] = self.frame(
            [0x80, 3] + Array("(K\u{1}\u{89}X\u{8}\0\0\0registerX\u{1}\0\0\01".latin1) + [0x89, 0x86, 0x74, 0x2e]
        )
        let system = Array("cos\nsystem\n(S'true'\ntR.".utf8)
        return [
            (self.frame("GET / HTTP/1.1"), "bad handshake"),
            (self.frame("Z4"), "bad handshake"),
            (Array("GET / HTTP/1.1\r\n\r\n".utf8), "can't read message"),
            ([0xff, 0xff, 0xff, 0xff], "can't read message"),
            (self.frame("Z5") + [0x00, 0x20, 0x00, 0x00], "can't read message"),
            (self.frame("Z5") + self.frame("garbage"), "Can't deserialize message"),
            (self.frame("Z5") + self.frame([]), "Can't deserialize message"),
            (self.frame("M5") + self.frame([0xdd, 0xff, 0xff, 0xff, 0xff]), "Can't deserialize message"),
            (self.frame("M5") + self.frame([UInt8](repeating: 0x91, count: 10_000)), "Can't deserialize message"),
            (self.frame("Z5") + self.frame(system), "Can't deserialize message"),
            (
                self.frame("Z5")
                    + self.frame(
                        Array("\u{80}\u{3}(K\u{1}\u{89}".latin1) + Array("X\u{8}\0\0\0register".latin1)
                            + Array("cos\nsystem\nX\u{4}\0\0\0trueR".latin1) + Array("\u{85}t.".latin1)
                    ), "Can't deserialize message"
            ),
            (self.frame("Z5") + register + register, "Invalid method, 'register'"),
            (
                self.frame("M5") + self.frame([0x94, 0x01, 0xc2, 0xa4] + Array("ping".utf8) + [0x90]),
                "Invalid method, 'ping'"
            ),
        ]
    }

    @Test func whateverIsSentTheServerAndItsOtherClientsLiveOn() async throws {
        try await withZEOServer { running in
            let witness = try await RawZEOClient.registered(port: running.port)
            let oid = ObjectID(rawValue: 1)
            var serial = TransactionID.zero
            for (bytes, line) in self.attacks {
                let before = running.log.count(of: line)
                try await self.attack(running, bytes)
                try await eventually("the log says '\(line)' of \(bytes)") { running.log.count(of: line) > before }
                serial = try await witness.commit(oid, over: serial)
                #expect(try await witness.load(oid)?.tid == serial)
            }
        }
    }

    @Test func unknownMethodsOfRegisteredClientsCloseTheConnection() async throws {
        try await withZEOServer { running in
            let witness = try await RawZEOClient.registered(port: running.port)
            for format in [WireFormat.pickle, .messagePack] {
                let client = try await RawZEOClient.registered(port: running.port, format: format)
                _ = try await client.begin(.other(method: "__class__", arguments: []))
                await client.waitUntilClosed()
                #expect(running.log.contains("Invalid method, '__class__'", at: .error))
            }
            #expect(try await witness.call(.ping) == .none)
        }
    }

    @Test func halfAFrameAndSilenceHarmNobody() async throws {
        try await withZEOServer { running in
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: "127.0.0.1", port: running.port).get()
            try await channel.writeAndFlush(ByteBuffer(bytes: [0, 0, 0]))
            let witness = try await RawZEOClient.registered(port: running.port)
            _ = try await witness.commit(ObjectID(rawValue: 1))
            try await channel.close()
        }
    }

    @Test func wrongArgumentsAreAnErrorWhereSomebodyWaitsForAnAnswer() async throws {
        try await withZEOServer { running in
            let client = try await RawZEOClient.registered(port: running.port)
            let wrong: [(String, [PickleValue])] = [
                ("loadBefore", [.bytes(ByteBuffer(string: "short")), .none]), ("getTid", [.int(1)]), ("vote", []),
                ("new_oids", [.string("many")]), ("getInvalidations", [.list([])]),
            ]
            for (method, arguments) in wrong {
                let reply = try await client.call(.other(method: method, arguments: arguments))
                guard case .exception(let exception) = reply else {
                    Issue.record("\(method) was answered")
                    continue
                }
                #expect(exception.className == "builtins.TypeError")
            }
            // Nobody waits for the answer to this one.
            try await client.send(.asynchronous(.other(method: "storea", arguments: [.int(1)])))
            await client.waitUntilClosed()
        }
    }

    @Test func transactionsThatAreTooLargeAreRefused() async throws {
        try await withZEOServer {
            $0.maximumTransactionSize = 1000
        } _: { running in
            let client = try await RawZEOClient.registered(port: running.port)
            let token = TransactionToken(1)
            try await client.store(token, [(ObjectID(rawValue: 1), .zero)], data: String(repeating: "x", count: 1001))
            await client.waitUntilClosed()
            #expect(running.log.contains("transaction too large", at: .error))
        }
    }

    @Test func transactionsWithTooManyChecksOrMuchMetadataAreRefused() async throws {
        try await withZEOServer {
            $0.maximumTransactionSize = 1000
        } _: { running in
            let oid = ObjectID(rawValue: 1)
            let token = TransactionToken(1)
            let checking = try await RawZEOClient.registered(port: running.port)
            try await checking.store(token, [])
            for _ in 1...8 { try await checking.send(.asynchronous(.checkCurrent(oid, serial: .zero, token))) }
            await checking.waitUntilClosed()
            let talking = try await RawZEOClient.registered(port: running.port)
            var beginning = TransactionBeginning(token: token)
            beginning.description = ByteBuffer(repeating: UInt8(ascii: "x"), count: 900)
            try await talking.send(.asynchronous(.begin(beginning)))
            try await talking.send(.asynchronous(.store(oid, serial: .zero, data: ByteBuffer(), token)))
            await talking.waitUntilClosed()
            #expect(running.log.count(of: "transaction too large") == 2)
        }
    }

    @Test func framesBeyondTheLimitAreRefused() async throws {
        try await withZEOServer {
            $0.maximumFrameSize = 100_000
        } _: { running in
            let client = try await RawZEOClient.registered(port: running.port)
            let token = TransactionToken(1)
            // The connection is closed while the client still sends.
            try? await client.store(
                token,
                [(ObjectID(rawValue: 1), .zero)],
                data: String(repeating: "x", count: 200_000)
            )
            await client.waitUntilClosed()
            #expect(running.log.contains("at most 100000 are allowed", at: .error))
        }
    }

    @Test func clientsThatDoNotReadAreCutOff() async throws {
        let storage = MappingStorage()
        try await withZEOServer(of: [("1", storage)]) {
            $0.maximumUnsentSize = 1 << 20
        } _: { running in
            let witness = try await RawZEOClient.registered(port: running.port)
            let deaf = try await RawZEOClient.registered(port: running.port, receiveBuffer: 4096)
            try await deaf.channel.setOption(.autoRead, value: false).get()
            var serial = TransactionID.zero
            for _ in 1...400 where !running.log.contains("does not read") {
                let operations = (1...3000).map {
                    TransactionDraft.Operation.store(
                        ObjectID(rawValue: UInt64($0)),
                        serial: serial,
                        data: ByteBuffer(string: "x")
                    )
                }
                guard case .prepared(let vote) = try await storage.vote(TransactionDraft(operations: operations)) else {
                    Issue.record("a conflict")
                    return
                }
                serial = try await storage.finish(vote)
            }
            try await eventually("the log tells") { running.log.contains("does not read", at: .warning) }
            #expect(try await witness.call(.ping) == .none)
        }
    }

    @Test func aRecordMayBeLongerThanWhatMayWaitToBeSent() async throws {
        try await withZEOServer {
            $0.maximumUnsentSize = 1 << 16
        } _: { running in
            let client = try await RawZEOClient.registered(port: running.port)
            let oid = ObjectID(rawValue: 1)
            let token = TransactionToken(1)
            try await client.store(token, [(oid, .zero)], data: String(repeating: "x", count: 32 << 20))
            _ = try await client.call(.vote(token))
            _ = try await client.finish(token)
            #expect(try await client.load(oid)?.data.readableBytes == 32 << 20)
        }
    }

    @Test func aClientMayAskForMoreThanItCanBeSentAtOnce() async throws {
        try await withZEOServer {
            $0.maximumUnsentSize = 4 << 20
        } _: { running in
            let client = try await RawZEOClient.registered(port: running.port)
            let oid = ObjectID(rawValue: 1)
            let token = TransactionToken(1)
            try await client.store(token, [(oid, .zero)], data: String(repeating: "x", count: 1 << 20))
            _ = try await client.call(.vote(token))
            _ = try await client.finish(token)
            var ids: [MessageID] = []
            for _ in 0..<64 { ids.append(try await client.begin(.loadBefore(oid, .max))) }
            for id in ids { #expect(try await client.reply(to: id).loadedRevision()?.data.readableBytes == 1 << 20) }
        }
    }
}

extension String {
    fileprivate var latin1: [UInt8] { self.unicodeScalars.map { UInt8($0.value) } }
}
