//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Finds the objects that records keep alive, record after record, in memory that is taken once.
///
/// It finds what ``ObjectReference/all(in:)`` finds, without the names of classes, and leaves out what does not keep an
/// object of the same database alive.
public struct StrongReferences: Sendable {
    private var scanner = ReferenceScanner(ByteBuffer(), keepsClassNames: false)

    /// The objects that the last record refers to, in the order of the references; an object may come several times.
    public private(set) var oids: [ObjectID] = []

    /// A finder that has seen no record yet.
    public init() {}

    /// Finds the objects that `record` keeps alive.
    /// - Throws: ``FormatError`` for a record that is no two pickles, or has a persistent id of another form.
    public mutating func find(in record: ByteBuffer) throws(FormatError) {
        self.oids.removeAll(keepingCapacity: true)
        try self.scanner.scanNext(record)
        for reference in self.scanner.references where reference.isStrong { self.oids.append(reference.oid) }
    }
}
