//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import ZODBFormat

/// The identity of a call, which its answer repeats to the letter. Any plain value will do.
public enum MessageID: Hashable, Sendable {
    /// What most calls have.
    case number(Int)
    /// What ZEO 6 gives to loads: a tuple of object and transaction.
    case load(ObjectID, TransactionID)
    /// Any other value.
    case other(PickleValue)

    /// The identity of the message that only shows that a client lives.
    public static let keepAlive = MessageID.number(-1)

    init(wire value: PickleValue) {
        switch value {
        case .int(let number):
            self = .number(number)
        case .tuple(let parts) where parts.count == 2:
            if let oid = parts[0].wireOID, case .bytes = parts[1], let tid = parts[1].wireTID {
                self = .load(oid, tid)
            } else {
                self = .other(value)
            }
        default:
            self = .other(value)
        }
    }

    func write(to writer: inout MessageWriter) {
        switch self {
        case .number(let number):
            writer.write(number)
        case .load(let oid, let tid):
            writer.startTuple(2)
            writer.write(oid)
            writer.write(tid)
            writer.endTuple(2)
        case .other(let value):
            writer.write(value)
        }
    }
}
