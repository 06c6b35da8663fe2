//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat

/// How the arguments of each method are read.
extension ServerCall {
    typealias ArgumentReading = @Sendable ([PickleValue]) -> ServerCall?

    /// For each method how many arguments it takes, and how they are read: `nil` when one has a wrong type.
    static let methods: [String: (ClosedRange<Int>, ArgumentReading)] = [
        "register": (
            2...2,
            { values in
                guard let storage = values[0].wireText, let isReadOnly = values[1].wireTruth else { return nil }
                return .register(storage: storage, isReadOnly: isReadOnly)
            }
        ),
        "get_info": (0...0, { _ in .getInfo }),
        "lastTransaction": (0...0, { _ in .lastTransaction }),
        "getInvalidations": (1...1, { $0[0].wireTID.map { .getInvalidations(after: $0) } }),
        "new_oids": (
            0...1, { $0.isEmpty ? .newObjectIDs(100) : $0[0].wireInteger.map { .newObjectIDs($0) } }
        ),
        "new_oid": (0...0, { _ in .newObjectID }),
        "loadBefore": (2...2, { Self.revision($0).map { .loadBefore($0.0, $0.1) } }),
        "loadSerial": (2...2, { Self.revision($0).map { .loadSerial($0.0, $0.1) } }),
        "getTid": (1...1, { $0[0].wireOID.map { .getTid($0) } }),
        "tpc_begin": (4...6, { TransactionBeginning(wire: $0).map { .begin($0) } }),
        "storea": (
            4...4,
            { values in
                guard let (oid, serial) = Self.revision(values), let data = values[2].wireBytes else { return nil }
                return .store(oid, serial: serial, data: data, TransactionToken(values[3]))
            }
        ),
        "checkCurrentSerialInTransaction": (
            3...3,
            { values in
                guard let (oid, serial) = Self.revision(values) else { return nil }
                return .checkCurrent(oid, serial: serial, TransactionToken(values[2]))
            }
        ),
        "restorea": (
            5...5,
            { values in
                guard let (oid, serial) = Self.revision(values), values[2] == .none || values[2].wireBytes != nil,
                    let earlier = values[3].wireOptionalTID
                else { return nil }
                return .restore(
                    oid,
                    serial: serial,
                    data: values[2].wireBytes,
                    dataTransaction: earlier,
                    TransactionToken(values[4])
                )
            }
        ),
        "deleteObject": (
            3...3,
            { values in
                guard let (oid, serial) = Self.revision(values) else { return nil }
                return .delete(oid, serial: serial, TransactionToken(values[2]))
            }
        ),
        "undoa": (
            2...2, { values in values[0].wireUndoID.map { .undo($0, TransactionToken(values[1])) } }
        ),
        "storeBlobStart": (0...0, { _ in .storeBlobStart }),
        "storeBlobChunk": (1...1, { $0[0].wireBytes.map { .storeBlobChunk($0) } }),
        // The record may be a text: ZEO looks at it no sooner than at the vote, and a client may abort before that.
        "storeBlobEnd": (
            4...4,
            { values in
                guard let (oid, serial) = Self.revision(values), let data = values[2].wireBytesOrText else {
                    return nil
                }
                return .storeBlobEnd(oid, serial: serial, data: data, TransactionToken(values[3]))
            }
        ),
        "storeBlobShared": (
            5...5,
            { values in
                guard let (oid, serial) = Self.revision(values), let data = values[2].wireBytesOrText,
                    let name = values[3].wireText
                else { return nil }
                return .storeBlobShared(
                    oid,
                    serial: serial,
                    data: data,
                    filename: name,
                    TransactionToken(values[4])
                )
            }
        ),
        "vote": (1...1, { .vote(TransactionToken($0[0])) }),
        "tpc_finish": (1...1, { .finish(TransactionToken($0[0])) }),
        "tpc_abort": (1...1, { .abort(TransactionToken($0[0])) }),
        "ping": (0...0, { _ in .ping }),
        "server_status": (0...0, { _ in .serverStatus }),
        "set_client_label": (1...1, { $0[0].wireText.map { .setClientLabel($0) } }),
    ]

    fileprivate static func revision(_ values: [PickleValue]) -> (ObjectID, TransactionID)? {
        guard let oid = values[0].wireOID, let tid = values[1].wireTID else { return nil }
        return (oid, tid)
    }

    /// The methods that read what a storage remembers: of history, undo, packing, iteration and blobs.
    static let laterMethods: [String: (ClosedRange<Int>, ArgumentReading)] = [
        "history": (
            1...2,
            { values in
                if values[0] == .none { return .aboutNoObject(method: "history") }
                guard let oid = values[0].wireOID, let limit = values.count > 1 ? values[1].wireInteger : 1 else {
                    return nil
                }
                return .history(oid, limit: limit)
            }
        ),
        "undoLog": (
            2...2,
            { values in
                guard let first = values[0].wireInteger, let last = values[1].wireInteger else { return nil }
                return .undoLog(first: first, last: last)
            }
        ),
        "undoInfo": (
            3...3,
            { values in
                guard let first = values[0].wireInteger, let last = values[1].wireInteger,
                    values[2] == .none || values[2].wireItems != nil
                else { return nil }
                return .undoInfo(first: first, last: last, specification: values[2].wireItems)
            }
        ),
        "pack": (
            1...2,
            { values in
                guard let time = values[0].asDouble, time.isFinite,
                    let isWaited = values.count > 1 ? values[1].wireTruth : true
                else { return nil }
                return .pack(time: time, isWaited: isWaited)
            }
        ),
        "record_iternext": (
            0...1,
            { values in
                guard let value = values.first, value != .none else { return .currentRecord(atOrAfter: nil) }
                return value.wireOID.map { .currentRecord(atOrAfter: $0) }
            }
        ),
        "sendBlob": (2...2, { Self.revision($0).map { .sendBlob($0.0, $0.1) } }),
        "iterator_start": (
            2...2,
            { values in
                guard let first = values[0].wireOptionalTID, let last = values[1].wireOptionalTID else { return nil }
                return .iteratorStart(from: first, through: last)
            }
        ),
        "iterator_next": (1...1, { $0[0].wireInteger.map { .iteratorNext($0) } }),
        "iterator_record_start": (
            2...2,
            { values in
                guard let walk = values[0].wireInteger, let tid = values[1].wireTID else { return nil }
                return .iteratorRecordStart(walk, tid)
            }
        ),
        "iterator_record_next": (1...1, { $0[0].wireInteger.map { .iteratorRecordNext($0) } }),
        "iterator_gc": (
            1...1,
            { values in
                guard let elements = values[0].wireElements else { return nil }
                return .iteratorsDropped(elements.compactMap(\.wireInteger))
            }
        ),
    ]
}

extension TransactionBeginning {
    fileprivate init?(wire values: [PickleValue]) {
        guard let user = values[1].wireBytesOrText, let description = values[2].wireBytesOrText,
            let items = values[3] == .none ? [] : values[3].wireItems
        else { return nil }
        self.init(token: TransactionToken(values[0]), user: user, description: description, extensionItems: items)
        if values.count > 4, values[4] != .none {
            guard let tid = values[4].wireTID else { return nil }
            self.tid = tid
        }
        if values.count > 5 {
            guard let status = values[5].wireText else { return nil }
            self.status = status
        }
    }
}

extension PickleValue {
    /// A transaction identifier, or `None` for none of them; `nil` for anything else.
    fileprivate var wireOptionalTID: TransactionID?? {
        if self == .none { return .some(nil) }
        return self.wireTID.map { .some($0) }
    }

    /// The transaction that the base64 text of eight bytes names, which is how clients name it for an undo.
    fileprivate var wireUndoID: TransactionID? {
        self.wireBytesOrText.flatMap { TransactionID(base64: $0) }
    }
}
