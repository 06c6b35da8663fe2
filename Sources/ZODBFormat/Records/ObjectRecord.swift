//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// What a database stores of an object: two pickles, one that says how to make it and one with its state.
public struct ObjectRecord: Hashable, Sendable {
    /// What the object is made from. ZODB writes the class alone, or `(class, arguments)` of `__new__`; for instances
    /// of classes that are persistent themselves `((module, name), None)` or `((module, name), arguments)`, and older
    /// versions wrote `(class, None)`.
    public var classDescription: PickleValue

    /// What `__setstate__` gets.
    public var state: PickleValue

    /// A record of an object.
    public init(classDescription: PickleValue, state: PickleValue) {
        self.classDescription = classDescription
        self.state = state
    }

    /// Reads a whole record. Its pickles belong together: the state may name what the class pickle remembered, so that
    /// reading them one by one fails for many records.
    public init(_ record: ByteBuffer, limits: PickleReader.Limits = PickleReader.Limits()) throws(FormatError) {
        try self.init(record, limits: limits, repairingText: false)
    }

    /// Reads a whole record, perhaps with text that is not what it was.
    init(_ record: ByteBuffer, limits: PickleReader.Limits, repairingText: Bool) throws(FormatError) {
        var machine = PickleMachine(PickleInput(record, repairsText: repairingText), limits: limits)
        do {
            self.classDescription = try machine.run()
            self.state = try machine.run()
        } catch {
            throw FormatError("object record", error.problem, at: error.offset)
        }
        guard machine.input.offset == record.readableBytes else {
            throw FormatError("object record", "bytes follow the state", at: machine.input.offset)
        }
    }

    /// Appends the record's bytes.
    public func write(into buffer: inout ByteBuffer) {
        let writer = PickleWriter()
        writer.write(self.classDescription, into: &buffer)
        writer.write(self.state, into: &buffer)
    }

    /// The record's bytes.
    public var bytes: ByteBuffer {
        var buffer = ByteBuffer()
        self.write(into: &buffer)
        return buffer
    }

    /// The module and name of the class; `nil` where the class is an object of the database itself.
    public var className: PickleGlobal? { Self.className(in: self.classDescription) }

    /// The module and name of the class of a record, without reading its state; `nil` where the record does not say it
    /// or is no record.
    public static func className(of record: ByteBuffer) -> PickleGlobal? {
        var rest = record
        guard let description = try? PickleReader(limits: .message).read(from: &rest) else { return nil }
        return Self.className(in: description)
    }

    private static func className(in description: PickleValue) -> PickleGlobal? {
        switch description {
        case .global(let global): return global
        case .tuple(let parts):
            guard let first = parts.first else { return nil }
            switch first {
            case .global(let global): return global
            case .tuple(let names):
                guard names.count == 2, let module = names[0].asText, let name = names[1].asText else { return nil }
                return PickleGlobal(module, name)
            default: return nil
            }
        default: return nil
        }
    }
}
