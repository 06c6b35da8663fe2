//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat
import ZODBStorage

extension PersistentValue {
    /// The order that two values have as keys of a BTree, which is Python's: `None` comes first, numbers of all kinds
    /// compare with each other, text by its code points, tuples and lists by their elements. Negative, zero or positive.
    ///
    /// Throws `StorageError.invalidArgument`, naming both, where Python would raise, or would ask the application.
    public func compare(to other: PersistentValue) throws -> Int {
        switch (self, other) {
        case (.int(let one), .int(let other)): return one < other ? -1 : one == other ? 0 : 1
        case (.string(let one), .string(let other)): return Self.compare(one.utf8, other.utf8)
        case (.bytes(let one), .bytes(let other)): return Self.compare(one.readableBytesView, other.readableBytesView)
        case (.null, .null): return 0
        case (.null, _): return -1
        case (_, .null): return 1
        default: return try self.compareRest(other)
        }
    }

    private func compareRest(_ other: PersistentValue) throws -> Int {
        switch (self, other) {
        case (.tuple(let ones), .tuple(let others)), (.list(let ones), .list(let others)):
            for (one, other) in zip(ones, others) {
                // Elements need no order so long as they are equal; `None` has none among them.
                if try one.equals(other) { continue }
                if one.isNull || other.isNull { throw one.noOrder(with: other) }
                return try one.compare(to: other)
            }
            return ones.count < others.count ? -1 : ones.count == others.count ? 0 : 1
        default:
            if let one = self.number, let number = other.number {
                // What is not a number has no place among keys.
                guard let isLess = try? one.isLess(than: number) else { throw self.noOrder(with: other) }
                return isLess ? -1 : (try? one.isEqual(to: number)) == true ? 0 : 1
            }
            if let one = self.dateBytes(of: other), let other = other.dateBytes(of: self) {
                return Self.compare(one.readableBytesView, other.readableBytesView)
            }
            if case .opaque = self, self == other { return 0 }
            throw self.noOrder(with: other)
        }
    }

    /// Whether Python takes two elements of a tuple for equal.
    private func equals(_ other: PersistentValue) throws -> Bool {
        if self == other { return true }
        if let one = self.number, let other = other.number { return (try? one.isEqual(to: other)) == true }
        switch (self, other) {
        case (.tuple(let ones), .tuple(let others)), (.list(let ones), .list(let others)):
            guard ones.count == others.count else { return false }
            for (one, other) in zip(ones, others) where try !one.equals(other) { return false }
            return true
        default: return false
        }
    }

    /// Throws for a value of which Python has no order, so that it cannot be a key.
    func checkOrder() throws {
        switch self {
        case .reference, .dictionary:
            throw StorageError(.invalidArgument, "\(self.kindOfKey) has no order and cannot be a key")
        default: break
        }
    }

    private static func compare(_ one: some Sequence<UInt8>, _ other: some Sequence<UInt8>) -> Int {
        var others = other.makeIterator()
        for byte in one {
            guard let other = others.next() else { return 1 }
            if byte != other { return byte < other ? -1 : 1 }
        }
        return others.next() == nil ? 0 : -1
    }

    private var number: PythonNumber? {
        switch self {
        case .bool(let bool): .int(bool ? 1 : 0)
        case .int(let int): .int(int)
        case .bigInteger(let integer): .bigInt(integer.bytes)
        case .double(let double): .float(double)
        default: nil
        }
    }

    /// What a date, or a date and time without a zone, is pickled as, where `other` is one of the same kind: the bytes
    /// have the order of time.
    private func dateBytes(of other: PersistentValue) -> ByteBuffer? {
        guard case .opaque(.object(let date)) = self, case .opaque(.object(let other)) = other,
            date.callable == other.callable, case .global(let name) = date.callable, name.module == "datetime",
            name.name == "datetime" || name.name == "date",
            case .tuple(let arguments) = date.arguments, arguments.count == 1, case .bytes(let bytes) = arguments[0]
        else { return nil }
        return bytes
    }

    private func noOrder(with other: PersistentValue) -> StorageError {
        StorageError(
            .invalidArgument,
            "\(self.kindOfKey) and \(other.kindOfKey) have no order, so they cannot be keys of one BTree"
        )
    }

    /// What kind of value it is, in Python's words.
    private var kindOfKey: String {
        switch self {
        case .null: "None"
        case .bool(let value): "the bool \(value)"
        case .int(let value): "the int \(value)"
        case .bigInteger: "an int"
        case .double(let value): "the float \(value)"
        case .string(let value): "the str \"\(value.prefix(50))\""
        case .bytes: "bytes"
        case .list: "a list"
        case .tuple: "a tuple"
        case .set: "a set"
        case .frozenSet: "a frozenset"
        case .dictionary: "a dict"
        case .reference: "a persistent object"
        case .opaque: "an object that only the application knows"
        }
    }
}
