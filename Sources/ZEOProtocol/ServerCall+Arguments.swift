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
        case .vote: "vote"
        case .finish: "tpc_finish"
        case .abort: "tpc_abort"
        case .ping: "ping"
        case .serverStatus: "server_status"
        case .setClientLabel: "set_client_label"
        case .keepAlive: WireFormat.replyName
        case .other(let method, _), .malformed(let method, _): method
        }
    }

    /// The call of a method with arguments as they stand in a message.
    public init(method: String, arguments: PickleValue) {
        guard let arguments = arguments.wireElements else {
            self = .malformed(method: method, problem: "\(method)() arguments must be a sequence")
            return
        }
        guard let (allowed, make) = Self.methods[method] else {
            self = .other(method: method, arguments: arguments)
            return
        }
        guard allowed.contains(arguments.count) else {
            self = .malformed(method: method, problem: "\(method)() does not take \(arguments.count) arguments")
            return
        }
        self = make(arguments) ?? .malformed(method: method, problem: "\(method)() argument of a wrong type")
    }

    private typealias Reading = @Sendable ([PickleValue]) -> ServerCall?

    /// For each method how many arguments it takes, and how they are read: `nil` when one has a wrong type.
    private static let methods: [String: (ClosedRange<Int>, Reading)] = [
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
        "vote": (1...1, { .vote(TransactionToken($0[0])) }),
        "tpc_finish": (1...1, { .finish(TransactionToken($0[0])) }),
        "tpc_abort": (1...1, { .abort(TransactionToken($0[0])) }),
        "ping": (0...0, { _ in .ping }),
        "server_status": (0...0, { _ in .serverStatus }),
        "set_client_label": (1...1, { $0[0].wireText.map { .setClientLabel($0) } }),
    ]

    private static func revision(_ values: [PickleValue]) -> (ObjectID, TransactionID)? {
        guard let oid = values[0].wireOID, let tid = values[1].wireTID else { return nil }
        return (oid, tid)
    }

    func writeArguments(to writer: inout MessageWriter) {
        switch self {
        case .getInfo, .lastTransaction, .newObjectID, .ping, .serverStatus, .keepAlive, .malformed:
            writer.writeTuple()
        case .register(let storage, let isReadOnly):
            writer.writeTuple(.string(storage), .bool(isReadOnly))
        case .getInvalidations(let tid):
            writer.writeTuple(.wire(tid))
        case .newObjectIDs(let count):
            writer.writeTuple(.int(count))
        case .loadBefore(let oid, let tid), .loadSerial(let oid, let tid):
            writer.startTuple(2)
            writer.write(oid)
            writer.write(tid)
            writer.endTuple(2)
        case .getTid(let oid):
            writer.writeTuple(.wire(oid))
        case .begin(let beginning):
            writer.writeTuple(
                beginning.token.value,
                .bytes(beginning.user),
                .bytes(beginning.description),
                .dict(beginning.extensionItems),
                beginning.tid.map { .wire($0) } ?? .none,
                .string(beginning.status)
            )
        case .store(let oid, let serial, let data, let token):
            writer.startTuple(4)
            writer.write(oid)
            writer.write(serial)
            writer.write(data)
            writer.write(token.value)
            writer.endTuple(4)
        case .checkCurrent(let oid, let serial, let token):
            writer.writeTuple(.wire(oid), .wire(serial), token.value)
        case .vote(let token), .finish(let token), .abort(let token):
            writer.writeTuple(token.value)
        case .setClientLabel(let label):
            writer.writeTuple(.string(label))
        case .other(_, let arguments):
            writer.write(PickleValue.tuple(arguments))
        }
    }
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

extension MessageWriter {
    mutating func writeTuple(_ values: PickleValue...) {
        self.startTuple(values.count)
        for value in values { self.write(value) }
        self.endTuple(values.count)
    }
}
