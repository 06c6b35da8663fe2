//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// The watches of a session. Pure.
///
/// libzookeeper keeps one watcher for each pair of function and context, so requests that watch the same thing share one
/// number, and reading again does not pile watchers up. What a request gets is decided when its answer is consumed: the
/// answer is queued after all events that came before it and before the first event of the watch that it set.
struct WatchTable<Watch: Sendable>: Sendable {
    /// What is watched. The server fires the first two together where the node exists.
    enum Kind: Hashable, Sendable {
        case data, existence, children
    }

    struct Key: Hashable, Sendable {
        let kind: Kind
        /// Bytes: two names that look alike (é in one character or in two) are equal strings and different nodes.
        private let path: [UInt8]

        init(kind: Kind, path: String) {
            self.kind = kind
            self.path = Array(path.utf8)
        }
    }

    private struct Entry: Sendable {
        var id: UInt32
        /// Requests with this number that are not answered yet.
        var pending: Int
        /// The watch that is set and has not fired.
        var armed: Watch?
    }

    private var entries: [Key: Entry] = [:]
    private var keys: [UInt32: Key] = [:]
    private var lastID: UInt32 = 0

    init() {}

    /// How many watches are set or on their way.
    var count: Int { self.entries.count }

    /// A request is about to be sent. Returns the number for its watch.
    mutating func reserve(_ key: Key) -> UInt32 {
        if self.entries[key] != nil {
            self.entries[key]?.pending += 1
        } else {
            repeat { self.lastID &+= 1 } while self.lastID == 0 || self.keys[self.lastID] != nil
            self.entries[key] = Entry(id: self.lastID, pending: 1, armed: nil)
            self.keys[self.lastID] = key
        }
        return self.entries[key]?.id ?? self.lastID
    }

    /// A request was answered. Returns the watch that it set, or that was set already.
    mutating func answered(_ key: Key, armed: Bool, make: () -> Watch) -> Watch? {
        guard var entry = self.entries[key] else { return nil }
        entry.pending -= 1
        if armed && entry.armed == nil { entry.armed = make() }
        self.entries[key] = entry
        self.forgetIfIdle(key)
        return armed ? entry.armed : nil
    }

    /// The server told of a change. Returns the watch to fire.
    mutating func fired(_ id: UInt32) -> Watch? {
        guard let key = self.keys[id], let watch = self.entries[key]?.armed else { return nil }
        self.entries[key]?.armed = nil
        self.forgetIfIdle(key)
        return watch
    }

    /// The session is over. Returns all watches that are set.
    mutating func sweep() -> [Watch] {
        defer {
            self.entries = [:]
            self.keys = [:]
        }
        return self.entries.values.compactMap(\.armed)
    }

    private mutating func forgetIfIdle(_ key: Key) {
        guard let entry = self.entries[key], entry.armed == nil, entry.pending == 0 else { return }
        self.entries[key] = nil
        self.keys[entry.id] = nil
    }
}
