//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import ZEOProtocol
import ZODBFormat

/// Every message, byte for byte as Python's own encoder writes it, and read back.
@Suite struct GoldenMessageTests {
    static let oid = ObjectID(rawValue: 1)
    static let other = ObjectID(rawValue: 2)
    static let tid = TransactionID(rawValue: 0x0400_0000_0000_0001)
    static let token = TransactionToken(140_234_567_890_123)
    static let big = ByteBuffer(bytes: [UInt8](0...255) + [UInt8](0...255))
    static let serials = (committed: Self.tid, read: TransactionID(rawValue: 2))

    static let clientMessages: [String: ClientMessage] = [
        "register": ClientMessage(id: .number(1), call: .register(storage: "1", isReadOnly: false)),
        "loadBefore": ClientMessage(id: .load(Self.oid, Self.tid), call: .loadBefore(Self.oid, Self.tid)),
        "loadSerial": ClientMessage(id: .number(300), call: .loadSerial(Self.oid, Self.tid)),
        "ping": ClientMessage(id: .number(70000), call: .ping),
        "lastTransaction": ClientMessage(id: .number(2), call: .lastTransaction),
        "begin": .asynchronous(
            .begin(
                TransactionBeginning(
                    token: Self.token,
                    user: ByteBuffer(string: "user"),
                    description: ByteBuffer(string: "what"),
                    extensionItems: [
                        PickleItem(.string("a"), .int(1)),
                        PickleItem(.string("b"), .list([.float(1.5), .none, .string("x")])),
                    ]
                )
            )
        ),
        "store": .asynchronous(.store(Self.oid, serial: Self.tid, data: Self.big, Self.token)),
        "check": .asynchronous(.checkCurrent(Self.oid, serial: Self.tid, Self.token)),
        "vote": ClientMessage(id: .number(4), call: .vote(Self.token)),
        "finish": ClientMessage(id: .number(5), call: .finish(Self.token)),
        "abort": ClientMessage(id: .number(6), call: .abort(TransactionToken(-140_234_567_890_123))),
        "label": .asynchronous(.setClientLabel("café")),
        "keepAlive": .keepAlive,
        "other": ClientMessage(
            id: .number(7),
            call: .other(method: "no_such_method", arguments: [.int(0), .int(-20)])
        ),
    ].merging(GoldenHistoryMessages.client) { $1 }

    static let serverMessages: [String: ServerMessage] = [
        "nothing": .reply(.number(8), .none),
        "tid": .reply(.number(8), .tid(Self.tid)),
        "current": .reply(
            .load(Self.oid, Self.tid),
            .revision(LoadedRevision(data: Self.big, tid: Self.tid, next: nil))
        ),
        "replaced": .reply(
            .load(Self.oid, Self.tid),
            .revision(
                LoadedRevision(data: ByteBuffer(string: "data"), tid: TransactionID(rawValue: 1), next: Self.tid)
            )
        ),
        "oids": .reply(.number(8), .objectIDs([Self.oid, Self.other])),
        "invalidations": .reply(.number(8), .invalidations(Self.tid, [Self.oid])),
        "voted": .reply(.number(8), .vote([])),
        "conflicts": .reply(
            .number(8),
            .vote([
                .conflict(
                    ConflictReport(
                        oid: Self.oid,
                        committed: Self.serials.committed,
                        read: Self.serials.read,
                        data: ByteBuffer(string: "x")
                    )
                )
            ])
        ),
        "information": .reply(.number(8), Self.information.reply),
        "invalidate": .call(.invalidateTransaction(Self.tid, [Self.oid, Self.other])),
        "info": .call(.info(length: 3, size: 1 << 40)),
        "noKey": .reply(.number(3), .exception(.posKeyError(Self.oid))),
        "readOnly": .reply(.number(3), .exception(.readOnlyError)),
        "conflict": .reply(
            .number(3),
            .exception(.conflictError(oid: Self.oid, serials: Self.serials, className: nil))
        ),
        "readConflict": .reply(.number(3), .exception(.readConflictError(oid: Self.oid, serials: Self.serials))),
        "noTransaction": .reply(
            .number(3),
            .exception(RemoteException(RemoteException.storageTransactionErrorName, .none, Self.token.value))
        ),
    ].merging(GoldenHistoryMessages.server) { $1 }

    static let information = ServerInformation(
        length: 3,
        size: 70000,
        name: "store",
        supportsUndo: true,
        supportsRecordIternext: false,
        interfaces: [PickleGlobal("ZODB.interfaces", "IStorage"), PickleGlobal("zope.interface", "Interface")]
    )

    @Test(.timeLimit(.minutes(1)))
    func messagesAreWrittenAndReadAsPythonWritesThem() async throws {
        var seen = 0
        for line in try await runPython("zeo_golden.py").split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            try #require(words.count == 4)
            let format = words[2] == "Z5" ? WireFormat.pickle : .messagePack
            let body = try ByteBuffer(plainHexEncodedBytes: words[3])
            var frame = ByteBuffer()
            if words[0] == "client" {
                let message = try #require(Self.clientMessages[words[1]])
                try format.encode(message, into: &frame)
                // MessagePack has no lists of its own: they are read as tuples.
                if words[1] != "begin" || format == .pickle {
                    #expect(try format.decodeClientMessage(body) == message, "\(line)")
                }
            } else {
                let message = try #require(Self.serverMessages[words[1]])
                try format.encode(message, into: &frame)
                try Self.check(try format.decodeServerMessage(body), message)
            }
            #expect(frame.readLengthPrefixedSlice(as: UInt32.self) == body, "\(line)")
            #expect(frame.readableBytes == 0)
            seen += 1
        }
        #expect(seen == 2 * (Self.clientMessages.count + Self.serverMessages.count))
    }

    /// Compares messages by what their accessors say, for which the two formats do not differ.
    static func check(_ read: ServerMessage, _ expected: ServerMessage) throws {
        guard case .reply(let id, let reply) = read, case .reply(let expectedID, let wanted) = expected else {
            #expect(read == expected)
            return
        }
        #expect(id == expectedID)
        if case .exception(let exception) = wanted {
            let found = #expect(throws: RemoteException.self) { try reply.plainValue() }
            #expect(found?.className == exception.className)
            #expect(found?.oid == exception.oid)
            #expect(found?.serials?.read == exception.serials?.read)
        } else if let revision = try? wanted.loadedRevision() {
            #expect(try reply.loadedRevision() == revision)
        } else if let items = try? wanted.voteItems() {
            #expect(try reply.voteItems() == items)
        } else if let oids = try? wanted.objectIDs() {
            #expect(try reply.objectIDs() == oids)
        } else if let history = try? wanted.history() {
            #expect(try reply.history() == history)
        } else if let entries = try? wanted.undoable() {
            #expect(try reply.undoable() == entries)
        } else if let number = try? wanted.walk() {
            #expect(try reply.walk() == number)
        } else if let entry = try? wanted.transaction() {
            #expect(try reply.transaction() == entry)
        } else if let entry = try? wanted.recordEntry() {
            #expect(try reply.recordEntry() == entry)
        } else if let entry = try? wanted.currentRecord() {
            #expect(try reply.currentRecord() == entry)
        } else if let tid = try? wanted.transactionID() {
            #expect(try reply.transactionID() == tid)
        } else if let invalidations = try? wanted.invalidations() {
            #expect(try reply.invalidations()?.oids == invalidations.oids)
            #expect(try reply.invalidations()?.last == invalidations.last)
        } else {
            #expect(try reply.serverInformation() == Self.information)
        }
    }
}
