//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
public import ZODBFormat

/// A reference to a persistent object, which lives in a record of its own and is loaded when it is asked for.
///
/// Two references are equal when they name the same object.
public final class PersistentReference: Hashable {
    /// What the reference names.
    enum Target {
        /// An object in memory, new or loaded. Becomes `stored` when an object that holds the reference is committed.
        case object(PersistentObject)
        /// An object of this database, with the persistent id that Python wrote for it.
        case stored(ObjectID, persistentID: PickleValue)
        /// An object that is not this database's: a weak reference, or one into another database.
        case foreign(persistentID: PickleValue)
    }

    private(set) var target: Target

    /// A reference to an object in memory.
    public init(to object: PersistentObject) {
        self.target = .object(object)
    }

    /// The reference that a persistent id of a record means.
    init(persistentID: PickleValue) {
        self.target =
            switch persistentID {
            case .bytes(let bytes): Self.stored(bytes.getIdentifier(at: bytes.readerIndex), persistentID)
            case .tuple(let parts):
                if parts.count == 2, case .bytes(let bytes) = parts[0] {
                    Self.stored(bytes.getIdentifier(at: bytes.readerIndex), persistentID)
                } else {
                    .foreign(persistentID: persistentID)
                }
            default: .foreign(persistentID: persistentID)
            }
    }

    private static func stored(_ oid: ObjectID?, _ persistentID: PickleValue) -> Target {
        oid.map { .stored($0, persistentID: persistentID) } ?? .foreign(persistentID: persistentID)
    }

    /// The object that is referred to; `nil` for a new object, a weak reference and one into another database.
    public var oid: ObjectID? {
        switch self.target {
        case .object(let object): object.oid
        case .stored(let oid, _): oid
        case .foreign: nil
        }
    }

    /// The Python class of the object, as far as the reference says it.
    public var pythonClass: PickleGlobal? {
        switch self.target {
        case .object(let object): object.pythonClass
        case .stored(_, .tuple(let parts)): if case .global(let name) = parts[1] { name } else { nil }
        case .stored, .foreign: nil
        }
    }

    /// How the reference is written into a record; the object must have an identifier by then.
    var persistentID: PickleValue {
        switch self.target {
        case .object(let object):
            guard let oid = object.oid else {
                preconditionFailure("a reference is written after its object has an oid")
            }
            return Self.persistentID(oid, classDescription: object.classDescription)
        case .stored(_, let persistentID), .foreign(let persistentID): return persistentID
        }
    }

    /// Lets go of the object in memory, now that the database has it.
    func settle() {
        guard case .object(let object) = self.target, let oid = object.oid else { return }
        self.target = .stored(oid, persistentID: Self.persistentID(oid, classDescription: object.classDescription))
    }

    /// As ZODB writes it: identifier and class, or the identifier alone where making the object takes arguments.
    private static func persistentID(_ oid: ObjectID, classDescription: PickleValue) -> PickleValue {
        let bytes = PickleValue.bytes(oid.bytes)
        if case .global = classDescription { return .tuple([bytes, classDescription]) }
        return bytes
    }

    /// Whether two references name the same object.
    public static func == (lhs: PersistentReference, rhs: PersistentReference) -> Bool {
        if lhs === rhs { return true }
        switch (lhs.target, rhs.target) {
        case (.foreign(let one), .foreign(let other)): return one == other
        case (.object(let one), .object(let other)): return one === other
        default: return lhs.oid != nil && lhs.oid == rhs.oid
        }
    }

    /// Feeds nothing: a new object gets its identifier later, and a hash must not change.
    public func hash(into hasher: inout Hasher) {}
}
