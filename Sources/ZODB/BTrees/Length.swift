//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import ZODBFormat
import ZODBStorage

/// A number that many transactions may change at once: Python's `BTrees.Length.Length`.
///
/// Counting a tree loads all of it; a `Length` beside it that is changed together with it is read at once. When two
/// transactions change it, both changes count.
public final class Length: PersistentObject {
    static let name = PickleGlobal("BTrees.Length", "Length")

    /// The number.
    public private(set) var value: Int
    private var committed: Int?

    /// A new number.
    public init(_ value: Int = 0) {
        self.value = value
        super.init()
    }

    /// The class that Python makes the object of.
    public override var classDescription: PickleValue { .global(Self.name) }

    /// What Python sets the object's state to.
    public override var state: PickleValue { .int(self.value) }

    /// Adds to the number, or takes away from it.
    ///
    /// Throws `StorageError.invalidArgument` where the result does not fit into 64 bits.
    public func change(by difference: Int) throws {
        let (value, overflow) = self.value.addingReportingOverflow(difference)
        guard !overflow else {
            throw StorageError(
                .invalidArgument,
                "\(self.value) + \(difference) does not fit into 64 bits",
                oid: self.oid
            )
        }
        try self.set(value)
    }

    /// Sets the number. When somebody else changes it at the same time, it is the difference that counts.
    public func set(_ value: Int) throws {
        try self.checkChangeable()
        self.willChange()
        self.value = value
    }

    /// For `PersistentTypes`. A number that is no integer of 64 bits, which Python allows, stays as it is.
    static var makers: [PickleGlobal: PersistentTypes.Maker] {
        [
            self.name: { description, state in
                guard case .int(let value) = state else {
                    return try OpaqueObject(record: ObjectRecord(classDescription: description, state: state).bytes)
                }
                return Length(value)
            }
        ]
    }

    override func adoption(of state: PickleValue) throws(FormatError) -> () -> Void {
        guard case .int(let value) = state else {
            throw FormatError("BTrees.Length", "the state is no integer of 64 bits")
        }
        return { self.value = value }
    }

    override func keepCommitted() { self.committed = self.value }

    override func forgetCommitted(restoring: Bool) {
        if restoring, let committed { self.value = committed }
        self.committed = nil
    }
}
