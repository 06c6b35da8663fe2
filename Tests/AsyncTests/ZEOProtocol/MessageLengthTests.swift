//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import ZEOProtocol
import ZODBFormat

/// Messages that do not fit in a frame, and those that are only long.
@Suite(.timeLimit(.minutes(1)))
struct MessageLengthTests {
    private static let long: [PickleValue] = [
        .string(String(repeating: "x", count: 1000)), .bytes(ByteBuffer(repeating: 1, count: 1000)),
        .bigInt([UInt8](repeating: 1, count: 1000)), .list([PickleValue](repeating: .int(7), count: 1000)),
        .tuple([PickleValue](repeating: .none, count: 1000)), .list([.string(String(repeating: "x", count: 1000))]),
        .list([PickleValue](repeating: .tuple([.float(0.5), .int(.max)]), count: 80)),
        .dict((0..<300).map { PickleItem(.string("\($0)"), .bool(true)) }),
    ]

    @Test(arguments: [WireFormat.pickle, .messagePack])
    func aMessageThatDoesNotFitIsRefusedAndLeavesNothingBehind(format: WireFormat) throws {
        for value in Self.long {
            var buffer = ByteBuffer(string: "before")
            for message in [ServerMessage.reply(.number(1), .value(value)), .reply(.other(value), .none)] {
                #expect(throws: FormatError.self) { try format.encode(message, into: &buffer, limit: 500) }
                #expect(buffer == ByteBuffer(string: "before"))
            }
            let call = ClientMessage(id: .number(1), call: .other(method: "x", arguments: [value]))
            #expect(throws: FormatError.self) { try format.encode(call, into: &buffer, limit: 500) }
            #expect(buffer == ByteBuffer(string: "before"))

            try format.encode(.reply(.number(1), .value(value)), into: &buffer, limit: 5000)
            buffer.moveReaderIndex(forwardBy: 6)
            let length = buffer.readInteger(as: UInt32.self).map { Int($0) }
            #expect(length == buffer.readableBytes)
            guard case .reply(.number(1), .value) = try format.decodeServerMessage(buffer) else {
                Issue.record("not the message that was written")
                return
            }
        }
    }

    @Test(arguments: [WireFormat.pickle, .messagePack])
    func recordsAndInvalidationsThatDoNotFitAreRefused(format: WireFormat) throws {
        var buffer = ByteBuffer()
        let revision = LoadedRevision(data: ByteBuffer(repeating: 1, count: 1000), tid: .zero, next: nil)
        let oids = [ObjectID](repeating: .root, count: 100)
        for message in [
            ServerMessage.reply(.number(1), .revision(revision)), .call(.invalidateTransaction(.zero, oids)),
            .call(.receiveBlobChunk(.root, .zero, revision.data)),
        ] {
            #expect(throws: FormatError.self) { try format.encode(message, into: &buffer, limit: 500) }
            #expect(buffer.readableBytes == 0)
            try format.encode(message, into: &buffer, limit: 2000)
            buffer.clear()
        }
    }

    /// Whoever looks for each of its keys among all the others is not done within the time limit.
    @Test func aTransactionMaySayAGreatDealAboutItself() throws {
        let items = (0..<60_000).map { PickleItem(.string("key \($0)"), .int($0)) }
        let description = PickleItem(.string("description"), .string("its own"))
        let entry = UndoEntry(
            tid: .zero,
            user: ByteBuffer(string: "user"),
            description: ByteBuffer(string: "description"),
            extensionItems: items + [description],
            size: 1
        )
        #expect(entry.matches(items))
        #expect(entry.matches([description, PickleItem(.string("missing"), .none)]))
        #expect(!entry.matches([PickleItem(.string("description"), .bytes(ByteBuffer(string: "description")))]))
        let read = try #require(try Reply.undoable([entry]).undoable().first)
        #expect(read.extensionItems == items)
        #expect(read.description == ByteBuffer(string: "its own"))
    }
}
