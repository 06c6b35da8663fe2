//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
public import ZODBFormat
import ZODBStorage

/// An object with a record of its own in the database.
///
/// Objects belong to the `Connection` that loaded them, which belongs to one task at a time; the compiler keeps both
/// from being shared. An object that the program holds always shows the snapshot of its connection's transaction: it is
/// whole when it is handed out, and brought up to date when a transaction begins.
///
/// A new object has no identifier. It gets one when an object that refers to it is committed.
public class PersistentObject {
    /// The identity of the object in the database; `nil` while it is new.
    public final internal(set) var oid: ObjectID?

    /// The transaction that wrote what the object shows; `.zero` while it is new.
    public final internal(set) var serial = TransactionID.zero

    /// Whether the object differs from what is committed, or was written down by the last savepoint. New objects do not count as changed.
    public final private(set) var isChanged = false

    /// The connection that the object belongs to; `nil` while it is new.
    public final internal(set) weak var connection: Connection?

    /// How many bytes the record of the object had when it was loaded or stored.
    final var recordSize = 0

    /// When the object was last asked for, in steps of its connection's cache.
    final var lastUse: UInt64 = 0

    init() {}

    /// The class that Python makes the object of, where the record names one.
    public var pythonClass: PickleGlobal? {
        if case .global(let name) = self.classDescription { name } else { nil }
    }

    /// The class that Python makes the object of, also where making it takes arguments.
    final var className: PickleGlobal? {
        ObjectRecord(classDescription: self.classDescription, state: .none).className
    }

    /// The first pickle of the record: what Python makes the object of.
    public var classDescription: PickleValue { preconditionFailure("every kind of object has a class description") }

    /// The second pickle of the record. Objects that are referred to must have identifiers.
    public var state: PickleValue { preconditionFailure("every kind of object has a state") }

    /// What takes over the state of a record. Whatever may fail about that has been done when this returns.
    func adoption(of state: PickleValue) throws(FormatError) -> () -> Void { return {} }

    /// What takes over a record, for objects that keep more of it than the state.
    func recordAdoption(_ record: ByteBuffer) throws(FormatError) -> () -> Void {
        try self.adoption(of: ObjectRecord(record).state)
    }

    /// The record of the object as it is now.
    func encodedRecord() -> ByteBuffer {
        ObjectRecord(classDescription: self.classDescription, state: self.state).bytes
    }

    /// Calls `body` with every reference that the object holds.
    func forEachReference(_ body: (PersistentReference) -> Void) {}

    /// Keeps what is committed, before the first change.
    func keepCommitted() {}

    /// Forgets what was committed, because the changes now are, or returns to it.
    func forgetCommitted(restoring: Bool) {}

    /// To be called before every change.
    final func willChange() {
        guard self.oid != nil else { return }
        guard let connection = self.connection else {
            preconditionFailure("an object was changed after its connection had been closed")
        }
        precondition(!connection.isCommitting, "an object was changed while its transaction was being committed")
        guard !self.isChanged else { return }
        self.keepCommitted()
        self.isChanged = true
        connection.didChange(self)
    }

    /// The contents of a blob that no transaction has committed yet; `nil` for all other objects.
    var uncommittedBlob: UncommittedBlob? {
        get { nil }
        set {}
    }

    /// The state has been written down by a savepoint.
    final func didSave() {
        self.forgetCommitted(restoring: false)
        self.isChanged = false
    }

    /// Returns to what is committed, or was written down by a savepoint.
    final func revert() {
        guard self.isChanged else { return }
        self.forgetCommitted(restoring: true)
        self.isChanged = false
    }

    /// The state has become the revision `tid`.
    final func didCommit(_ tid: TransactionID) {
        self.forgetCommitted(restoring: false)
        self.isChanged = false
        self.serial = tid
        self.uncommittedBlob = nil
        self.forEachReference { $0.settle() }
    }
}
