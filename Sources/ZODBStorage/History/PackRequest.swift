//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import ZODBFormat

/// What a pack removes.
public struct PackRequest: Sendable {
    /// Revisions that were not current at this moment any more are removed. Exclusive: what a transaction with this
    /// tid wrote counts as later.
    public var before: TransactionID
    /// Whether objects that could not be reached at that moment are removed, too; `nil` for what the storage was
    /// configured to do.
    public var collectsGarbage: Bool?
    /// Is told how far the pack is, now and then, on any thread.
    public var progress: (@Sendable (PackProgress) -> Void)?

    /// Makes the record of an object from what the storage was given to keep, for storages around it that keep records
    /// in another form (compressed, for example). `nil` where the two are the same.
    public var decode: (@Sendable (ByteBuffer) throws -> ByteBuffer)?

    /// Whether another storage, over which this one lies, has an object, too, so that it can be reached in ways that this
    /// one does not know. What this one does not have may be in the other one. `nil` for a storage that stands alone.
    var isBelow: (@Sendable (ObjectID) throws -> Bool)?

    /// A pack of everything before a moment.
    public init(
        before: TransactionID,
        collectsGarbage: Bool? = nil,
        progress: (@Sendable (PackProgress) -> Void)? = nil
    ) {
        self.before = before
        self.collectsGarbage = collectsGarbage
        self.progress = progress
    }
}

/// How far a pack is.
public struct PackProgress: Hashable, Sendable {
    /// What a pack does, one after the other.
    public enum Phase: String, Hashable, Sendable {
        /// Finds out what has to stay.
        case marking
        /// Copies what has to stay.
        case copying
        /// Copies what was committed meanwhile, and puts the new file in the old one's place.
        case swapping
    }

    /// What it does.
    public var phase: Phase
    /// How many bytes (or objects, in memory) of the phase's work are done.
    public var completed: Int
    /// How many there are.
    public var total: Int

    /// A pack that is so far.
    public init(phase: Phase, completed: Int, total: Int) {
        self.phase = phase
        self.completed = completed
        self.total = total
    }
}
