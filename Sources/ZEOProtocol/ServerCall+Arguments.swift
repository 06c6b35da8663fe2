//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
public import ZODBFormat

extension ServerCall {
    /// The name of the method that is called.
    public var method: String {
        switch self {
        case .register: "register"
        case .getInfo: "get_info"
        case .lastTransaction: "lastTransaction"
        case .getInvalidations: "getInvalidations"
        case .newObjectIDs: "new_oids"
        case .newObjectID: "new_oid"
        case .loadBefore: "loadBefore"
        case .loadSerial: "loadSerial"
        case .getTid: "getTid"
        case .begin: "tpc_begin"
        case .store: "storea"
        case .checkCurrent: "checkCurrentSerialInTransaction"
        case .restore: "restorea"
        case .delete: "deleteObject"
        case .undo: "undoa"
        case .storeBlobStart: "storeBlobStart"
        case .storeBlobChunk: "storeBlobChunk"
        case .storeBlobEnd: "storeBlobEnd"
        case .storeBlobShared: "storeBlobShared"
        case .vote: "vote"
        case .finish: "tpc_finish"
        case .abort: "tpc_abort"
        case .ping: "ping"
        case .history: "history"
        case .undoLog: "undoLog"
        case .undoInfo: "undoInfo"
        case .pack: "pack"
        case .currentRecord: "record_iternext"
        case .sendBlob: "sendBlob"
        case .iteratorStart: "iterator_start"
        case .iteratorNext: "iterator_next"
        case .iteratorRecordStart: "iterator_record_start"
        case .iteratorRecordNext: "iterator_record_next"
        case .iteratorsDropped: "iterator_gc"
        case .serverStatus: "server_status"
        case .setClientLabel: "set_client_label"
        case .keepAlive: WireFormat.replyName
        case .other(let method, _), .malformed(let method, _), .aboutNoObject(let method): method
        }
    }

    /// The call of a method with arguments as they stand in a message.
    public init(method: String, arguments: PickleValue) {
        guard let arguments = arguments.wireElements else {
            self = .malformed(method: method, problem: "\(method)() arguments must be a sequence")
            return
        }
        guard let (allowed, make) = Self.methods[method] ?? Self.laterMethods[method] else {
            self = .other(method: method, arguments: arguments)
            return
        }
        guard allowed.contains(arguments.count) else {
            self = .malformed(method: method, problem: "\(method)() does not take \(arguments.count) arguments")
            return
        }
        self = make(arguments) ?? .malformed(method: method, problem: "\(method)() argument of a wrong type")
    }
}
