//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
public import ZODBFormat

/// A Swift type that stands for a Python class: its coded properties are the attributes of Python's objects.
///
/// ```swift
/// struct Guest: PythonClass {
///     static let pythonClass = PickleGlobal("guestbook", "Guest")
///     var name: String
///     var visits: [Date]
/// }
/// ```
///
/// Attributes that the type does not name stay as they are. `nil` is `None`. Dates are `datetime.datetime`s, and
/// `UUID`, `Decimal`, `Set`, `Data` and `ByteBuffer` are what they are in Python; other values, and references to
/// persistent objects, are taken as a `PythonValue`.
public protocol PythonClass: Codable, SendableMetatype {
    /// The module and the name of the Python class.
    static var pythonClass: PickleGlobal { get }

    /// The coded properties that Python passes to `__new__` (see `__getnewargs__`), in their order. They are not part of
    /// the object's state and cannot be changed. Default: none.
    static var constructorArguments: [String] { get }
}

extension PythonClass {
    /// Classes are made without arguments, unless they say otherwise.
    public static var constructorArguments: [String] { [] }
}

/// Any value, where a Swift type that stands for a Python class has no better form for it.
public struct PythonValue: Codable, Hashable {
    /// The value.
    public var value: PersistentValue

    /// A value.
    public init(_ value: PersistentValue) {
        self.value = value
    }

    /// Only databases can read it.
    public init(from decoder: any Decoder) throws {
        guard let decoder = decoder as? PersistentDecoder else {
            let problem = "values of Python are read from a database only"
            throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: problem))
        }
        self.value = decoder.value
    }

    /// Only databases can write it.
    public func encode(to encoder: any Encoder) throws {
        let problem = "values of Python are written into a database only"
        throw EncodingError.invalidValue(self, .init(codingPath: encoder.codingPath, debugDescription: problem))
    }
}

/// The Swift types of a database that stand for Python classes.
public struct PythonClasses: Sendable {
    var makers: [PickleGlobal: @Sendable (ByteBuffer) throws -> PersistentObject] = [:]

    /// None.
    public init() {}

    /// Makes persistent objects of the type's Python class `Persistent` objects of the type. Types of objects within them
    /// need no registration.
    ///
    /// - Parameters:
    ///   - type: The Swift type.
    ///   - names: Other names under which Python has written the class.
    public mutating func register<Value: PythonClass>(_ type: Value.Type, alsoKnownAs names: PickleGlobal...) {
        for name in [type.pythonClass] + names {
            self.makers[name] = { try Persistent<Value>(record: $0) }
        }
    }
}
