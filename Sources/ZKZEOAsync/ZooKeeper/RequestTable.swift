//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// The requests of a session that wait for an answer. Pure; whoever uses it guards it.
///
/// A number is registered before anything else knows of it, then gets its waiter, and is released by the answer. Removing
/// a waiter is the only way to get hold of it, so none is resumed twice, and the sweep at the end forgets none.
struct RequestTable<Waiter, Note> {
    private enum Phase {
        /// Has a number and no waiter yet. Next: waiting, cancelled.
        case registered
        /// Was cancelled before it was sent. Next: gone.
        case cancelled
        /// Somebody waits. Next: gone, or abandoned.
        case waiting(Waiter)
        /// Was sent and nobody waits any more; the number stays taken until the answer comes, or it could be mistaken for
        /// another's. Next: gone.
        case abandoned
    }

    private var entries: [UInt32: (phase: Phase, note: Note)] = [:]
    private var lastID: UInt32

    /// - Parameter lastID: The number before the first one that is given out.
    init(lastID: UInt32 = 0) { self.lastID = lastID }

    /// How many numbers are taken.
    var count: Int { self.entries.count }

    /// Takes a number. The note comes back with the answer, also when nobody waits for it any more.
    mutating func register(_ note: Note) -> UInt32 {
        repeat { self.lastID &+= 1 } while self.lastID == 0 || self.entries[self.lastID] != nil
        self.entries[self.lastID] = (.registered, note)
        return self.lastID
    }

    /// Gives a registered request its waiter. False if it was cancelled meanwhile: then the number is free, nothing must be
    /// sent, and the waiter is still the caller's.
    mutating func attach(_ waiter: Waiter, to id: UInt32) -> Bool {
        switch self.entries[id]?.phase {
        case .registered:
            self.entries[id]?.phase = .waiting(waiter)
            return true
        case .cancelled:
            self.entries[id] = nil
            return false
        case .waiting, .abandoned, nil:
            preconditionFailure("a request gets one waiter, between its registration and its answer")
        }
    }

    /// The caller does not want to wait any more. Returns the waiter to tell.
    mutating func cancel(_ id: UInt32) -> Waiter? {
        switch self.entries[id]?.phase {
        case .registered:
            self.entries[id]?.phase = .cancelled
            return nil
        case .waiting(let waiter):
            self.entries[id]?.phase = .abandoned
            return waiter
        case .cancelled, .abandoned, nil:
            return nil
        }
    }

    /// The answer has come, or never will. Returns the note, and the waiter to tell if there still is one; nil if the number
    /// is not (or no longer) that of a request that was sent.
    mutating func finish(_ id: UInt32) -> (waiter: Waiter?, note: Note)? {
        guard let entry = self.entries[id] else { return nil }
        switch entry.phase {
        case .waiting(let waiter):
            self.entries[id] = nil
            return (waiter, entry.note)
        case .abandoned:
            self.entries[id] = nil
            return (nil, entry.note)
        case .registered, .cancelled:
            return nil
        }
    }

    /// No answer will come to anything that was sent. Returns all waiters to tell, with their notes.
    mutating func sweep() -> [(waiter: Waiter, note: Note)] {
        var swept: [(Waiter, Note)] = []
        for (id, entry) in self.entries {
            switch entry.phase {
            case .waiting(let waiter):
                swept.append((waiter, entry.note))
                self.entries[id] = nil
            case .abandoned:
                self.entries[id] = nil
            case .registered, .cancelled:
                // Not sent: its caller finishes it.
                continue
            }
        }
        return swept
    }
}
