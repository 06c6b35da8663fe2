//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZEOProtocol
import ZODBFormat

/// The messages about history, undo, packs, iteration and blobs, as `zeo_golden.py` has them.
enum GoldenHistoryMessages {
    private static let oid = GoldenMessageTests.oid
    private static let tid = GoldenMessageTests.tid
    private static let token = GoldenMessageTests.token
    private static let big = GoldenMessageTests.big
    private static let user = ByteBuffer(string: "user")
    private static let what = ByteBuffer(string: "what")
    private static let record = ByteBuffer(string: "record")
    private static let note = [PickleItem(.string("note"), .string("x"))]
    private static let second = TransactionID(rawValue: 2)

    private static func call(_ call: ServerCall) -> ClientMessage { ClientMessage(id: .number(8), call: call) }

    static let client: [String: ClientMessage] = [
        "restore": .asynchronous(
            .restore(Self.oid, serial: Self.tid, data: Self.big, dataTransaction: Self.second, Self.token)
        ),
        "restoreNothing": .asynchronous(
            .restore(Self.oid, serial: Self.tid, data: nil, dataTransaction: nil, Self.token)
        ),
        "delete": .asynchronous(.delete(Self.oid, serial: Self.tid, Self.token)),
        "undo": .asynchronous(.undo(Self.tid, Self.token)),
        "blobStart": .asynchronous(.storeBlobStart),
        "blobChunk": .asynchronous(.storeBlobChunk(Self.big)),
        "blobEnd": .asynchronous(.storeBlobEnd(Self.oid, serial: Self.tid, data: Self.record, Self.token)),
        "blobShared": .asynchronous(
            .storeBlobShared(Self.oid, serial: Self.tid, data: Self.record, filename: "x.tmp-", Self.token)
        ),
        "history": Self.call(.history(Self.oid, limit: 3)),
        "undoLog": Self.call(.undoLog(first: 0, last: -20)),
        "undoInfo": Self.call(
            .undoInfo(first: 5, last: 25, specification: [PickleItem(.string("user_name"), .bytes(Self.user))])
        ),
        "undoInfoOfAll": Self.call(.undoInfo(first: 0, last: -20, specification: nil)),
        "pack": Self.call(.pack(time: 1_700_000_000.25, isWaited: true)),
        "firstRecord": Self.call(.currentRecord(atOrAfter: nil)),
        "nextRecord": Self.call(.currentRecord(atOrAfter: Self.oid)),
        "sendBlob": Self.call(.sendBlob(Self.oid, Self.tid)),
        "iterator": Self.call(.iteratorStart(from: Self.tid, through: nil)),
        "iteratorNext": Self.call(.iteratorNext(7)),
        "iteratorRecords": Self.call(.iteratorRecordStart(7, Self.tid)),
        "iteratorRecord": Self.call(.iteratorRecordNext(8)),
        "iteratorGC": .asynchronous(.iteratorsDropped([7, 8])),
    ]

    private static func reply(_ reply: Reply) -> ServerMessage { .reply(.number(8), reply) }

    static let server: [String: ServerMessage] = [
        "history": Self.reply(
            .history([
                HistoryEntry(
                    tid: Self.tid,
                    user: Self.user,
                    description: Self.what,
                    extensionItems: Self.note,
                    size: 512
                )
            ])
        ),
        "undoable": Self.reply(
            .undoable([
                UndoEntry(
                    tid: Self.tid,
                    user: Self.user,
                    description: Self.what,
                    extensionItems: Self.note,
                    size: 300
                )
            ])
        ),
        "walk": Self.reply(.walk(70000)),
        "transaction": Self.reply(
            .transaction(
                TransactionEntry(
                    tid: Self.tid,
                    user: Self.user,
                    description: Self.what,
                    extensionItems: Self.note
                )
            )
        ),
        "record": Self.reply(
            .record(RecordEntry(oid: Self.oid, tid: Self.tid, data: Self.big, dataTransaction: Self.second))
        ),
        "emptyRecord": Self.reply(
            .record(RecordEntry(oid: Self.oid, tid: Self.tid, data: nil, dataTransaction: nil))
        ),
        "currentRecord": Self.reply(
            .currentRecord(
                CurrentRecordEntry(
                    oid: Self.oid,
                    tid: Self.tid,
                    data: ByteBuffer(string: "data"),
                    next: GoldenMessageTests.other
                )
            )
        ),
        "receiveBlobStart": .call(.receiveBlobStart(Self.oid, Self.tid)),
        "receiveBlobChunk": .call(.receiveBlobChunk(Self.oid, Self.tid, Self.big)),
        "receiveBlobStop": .call(.receiveBlobStop(Self.oid, Self.tid)),
        "noUndo": .reply(.number(3), .exception(.undoErrors([], message: "Invalid transaction id"))),
        "noIterator": .reply(.number(3), .exception(RemoteException("builtins.KeyError", .int(7)))),
    ]
}
