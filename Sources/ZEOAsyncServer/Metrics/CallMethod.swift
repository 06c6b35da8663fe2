//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZEOProtocol

/// The methods of which calls are measured. The number of each is its place in tables.
enum CallMethod: Int, CaseIterable, Sendable {
    case register, ping, lastTransaction, loadBefore, loadSerial, getTid, getInvalidations, getInfo
    case newObjectIDs, newObjectID, begin, store, checkCurrent, vote, finish, abort, serverStatus
    case setClientLabel, history, pack, undoLog, undoInfo, undo, restore, deleteObject, recordNext
    case iteratorStart, iteratorNext, iteratorRecordStart, iteratorRecordNext, iteratorEnd, sendBlob
    case storeBlobStart, storeBlobChunk, storeBlobEnd, storeBlobShared
    /// All others, which are none of ZEO's.
    case other

    /// The method of a call. What comes all the time is found without a look-up.
    init(_ call: ServerCall) {
        switch call {
        case .loadBefore: self = .loadBefore
        case .store: self = .store
        case .ping: self = .ping
        case .loadSerial: self = .loadSerial
        case .lastTransaction: self = .lastTransaction
        case .begin: self = .begin
        case .vote: self = .vote
        case .finish: self = .finish
        case .abort: self = .abort
        case .checkCurrent: self = .checkCurrent
        default: self = Self.byName[call.method] ?? .other
        }
    }

    private static let byName = Dictionary(uniqueKeysWithValues: Self.allCases.map { ($0.name, $0) })

    /// The name on the wire.
    var name: String {
        switch self {
        case .register: "register"
        case .ping: "ping"
        case .lastTransaction: "lastTransaction"
        case .loadBefore: "loadBefore"
        case .loadSerial: "loadSerial"
        case .getTid: "getTid"
        case .getInvalidations: "getInvalidations"
        case .getInfo: "get_info"
        case .newObjectIDs: "new_oids"
        case .newObjectID: "new_oid"
        case .begin: "tpc_begin"
        case .store: "storea"
        case .checkCurrent: "checkCurrentSerialInTransaction"
        case .vote: "vote"
        case .finish: "tpc_finish"
        case .abort: "tpc_abort"
        case .serverStatus: "server_status"
        case .setClientLabel: "set_client_label"
        case .history: "history"
        case .pack: "pack"
        case .undoLog: "undoLog"
        case .undoInfo: "undoInfo"
        case .undo: "undoa"
        case .restore: "restorea"
        case .deleteObject: "deleteObject"
        case .recordNext: "record_iternext"
        case .iteratorStart: "iterator_start"
        case .iteratorNext: "iterator_next"
        case .iteratorRecordStart: "iterator_record_start"
        case .iteratorRecordNext: "iterator_record_next"
        case .iteratorEnd: "iterator_gc"
        case .sendBlob: "sendBlob"
        case .storeBlobStart: "storeBlobStart"
        case .storeBlobChunk: "storeBlobChunk"
        case .storeBlobEnd: "storeBlobEnd"
        case .storeBlobShared: "storeBlobShared"
        case .other: "other"
        }
    }
}
