//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// A reference from one object's record to another object, as ZODB writes it into the persistent ids of a pickle.
public struct ObjectReference: Hashable, Sendable {
    /// The object that is referred to.
    public var oid: ObjectID

    /// The name of the database that the object is in; `nil` for the database of the record.
    public var database: String?

    /// Whether the reference does not keep the object alive.
    public var isWeak: Bool

    /// The class of the object, where the reference says it.
    public var className: PickleGlobal?

    /// Whether the reference keeps an object of its own database alive. These are the references that packing follows.
    public var isStrong: Bool { !self.isWeak && self.database == nil }

    /// A reference to an object.
    public init(_ oid: ObjectID, database: String? = nil, isWeak: Bool = false, className: PickleGlobal? = nil) {
        self.oid = oid
        self.database = database
        self.isWeak = isWeak
        self.className = className
    }

    /// All references of a record, in their order, found without building its values.
    ///
    /// The forms that ZODB documents are understood: the oid alone, `(oid, class)`, `["m", (database, oid, class)]`,
    /// `["n", (database, oid)]`, `["w", (oid,)]`, `["w", (oid, database)]` and the old `[oid]`, which is weak.
    /// - Throws: ``FormatError`` for a record that is no two pickles, or has a persistent id of another form. A record
    ///   that cannot be understood must not be taken for one without references.
    public static func all(in record: ByteBuffer) throws(FormatError) -> [ObjectReference] {
        var scanner = ReferenceScanner(record)
        return try scanner.scanRecord()
    }
}
