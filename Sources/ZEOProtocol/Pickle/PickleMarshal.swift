//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
public import ZODBFormat

/// Reads messages that are pickles, and lets nothing in but plain data.
///
/// Python's server allows a client a few harmless globals. Those that stand for plain values are read as such by the
/// pickle reader, without calling anything; every other global is refused, and so is everything else that is not plain.
struct PickleMarshal {
    func read(_ body: ByteBuffer) throws(FormatError) -> PickleValue {
        let size = body.readableBytes
        var body = body
        let value = try PickleReader().read(from: &body)
        guard body.readableBytes == 0 else { throw FormatError("pickle", "bytes follow the value") }
        // Peers share nothing within a message. What a pickle shares is small here, and large wherever it is written
        // down again: so a value may not be much larger than the message that it came in.
        var room = Self.room(forMessageOf: size)
        try Self.check(value, &room)
        return value
    }

    /// How large the value of a message may be that is so many bytes long.
    static func room(forMessageOf size: Int) -> Int { 65_536 + 8 * size }

    /// Takes the size of a value, whatever is shared in it counted each time it occurs, from the room that is left; throws
    /// when there is not enough, and for anything but plain data.
    static func check(_ value: PickleValue, _ room: inout Int) throws(FormatError) {
        room -= value.ownSize
        guard room >= 0 else { throw FormatError("message", "the same values are repeated too often") }
        switch value {
        case .none, .bool, .int, .bigInt, .float, .string, .bytes, .byteArray:
            break
        case .tuple(let elements), .list(let elements), .set(let elements), .frozenSet(let elements):
            for element in elements { try Self.check(element, &room) }
        case .dict(let items):
            for item in items {
                try Self.check(item.key, &room)
                try Self.check(item.value, &room)
            }
        case .global(let global):
            throw FormatError("message", "the global \(global) is not allowed")
        case .persistentID:
            throw FormatError("message", "persistent references are not allowed")
        case .object(let object):
            guard case .global(let global) = object.callable else {
                throw FormatError("message", "calls are not allowed")
            }
            throw FormatError("message", "a call of \(global) is not allowed")
        }
    }
}

extension PickleValue {
    /// About how many bytes the value takes in a message, without what it holds: one, and what its length is made of.
    fileprivate var ownSize: Int {
        switch self {
        case .none, .bool, .int, .float, .tuple, .list, .set, .frozenSet, .dict, .global, .persistentID, .object: 1
        case .bigInt(let bytes): 1 + bytes.count
        case .string(let text): 1 + text.utf8.count
        case .bytes(let data), .byteArray(let data): 1 + data.readableBytes
        }
    }

    /// About how many bytes a value of plain data takes in a message, whatever is shared in it counted each time.
    public var plainSize: Int {
        switch self {
        case .tuple(let elements), .list(let elements), .set(let elements), .frozenSet(let elements):
            elements.reduce(self.ownSize) { $0 + $1.plainSize }
        case .dict(let items):
            items.reduce(self.ownSize) { $0 + $1.key.plainSize + $1.value.plainSize }
        default:
            self.ownSize
        }
    }
}
