//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Who watches what. A watcher is a connection: its watches go with it.
///
/// There are two tables, as in ZooKeeper, since one node's deletion takes the watches of both kinds and is told once.
/// Invariant: `paths` is `watchers` turned inside out; neither holds an empty set.
struct WatchTable {
    typealias Watcher = Int

    enum Mode: Equatable {
        case once
        case persistent
        /// Hears of everything at and below the node, but never "children changed".
        case recursive
    }

    /// One of the two tables.
    struct Half {
        private var watchers: [ZNodePath: [Watcher: Mode]] = [:]
        private var paths: [Watcher: Set<ZNodePath>] = [:]
        private var recursiveCount = 0

        var count: Int { self.paths.values.reduce(0) { $0 + $1.count } }
        var pathCount: Int { self.watchers.count }

        /// Adds a watch; a later one of the same watcher at the same path takes the place of the earlier.
        mutating func add(_ path: ZNodePath, _ watcher: Watcher, _ mode: Mode) {
            let old = self.watchers[path, default: [:]].updateValue(mode, forKey: watcher)
            self.recursiveCount += (mode == .recursive ? 1 : 0) - (old == .recursive ? 1 : 0)
            self.paths[watcher, default: []].insert(path)
        }

        func isWatched(_ path: ZNodePath) -> Bool { self.watchers[path] != nil }

        @discardableResult
        mutating func remove(_ path: ZNodePath, _ watcher: Watcher) -> Bool {
            guard let mode = self.watchers[path]?.removeValue(forKey: watcher) else { return false }
            if self.watchers[path]?.isEmpty == true { self.watchers[path] = nil }
            self.paths[watcher]?.remove(path)
            if self.paths[watcher]?.isEmpty == true { self.paths[watcher] = nil }
            if mode == .recursive { self.recursiveCount -= 1 }
            return true
        }

        mutating func removeAll(of watcher: Watcher) {
            for path in self.paths[watcher] ?? [] { self.remove(path, watcher) }
        }

        /// Who is to hear of `kind` at `path`; those who watch once watch no longer.
        mutating func trigger(_ kind: WatchEvent.Kind, at path: ZNodePath) -> Set<Watcher> {
            var told: Set<Watcher> = []
            for (watcher, mode) in self.watchers[path] ?? [:] {
                switch mode {
                case .once:
                    told.insert(watcher)
                    self.remove(path, watcher)
                case .persistent:
                    told.insert(watcher)
                case .recursive:
                    if kind != .childrenChanged { told.insert(watcher) }
                }
            }
            guard self.recursiveCount > 0, kind != .childrenChanged else { return told }
            for ancestor in path.withAncestors.dropFirst() {
                for (watcher, mode) in self.watchers[ancestor] ?? [:] where mode == .recursive { told.insert(watcher) }
            }
            return told
        }
    }

    var data = Half()
    var children = Half()

    mutating func removeAll(of watcher: Watcher) {
        self.data.removeAll(of: watcher)
        self.children.removeAll(of: watcher)
    }

    /// The events that a change of the tree gives, in the order in which they are to be sent.
    mutating func events(for effect: ZNodeTree.Effect) -> [(watcher: Watcher, event: WatchEvent)] {
        switch effect {
        case .created(let path, _):
            return Self.events(.created, path, self.data.trigger(.created, at: path)) + self.childEvents(above: path)
        case .deleted(let path):
            let told = self.data.trigger(.deleted, at: path)
            let others = self.children.trigger(.deleted, at: path).subtracting(told)
            return Self.events(.deleted, path, told) + Self.events(.deleted, path, others)
                + self.childEvents(above: path)
        case .dataChanged(let path):
            return Self.events(.dataChanged, path, self.data.trigger(.dataChanged, at: path))
        case .aclChanged, .checked:
            return []
        }
    }

    private mutating func childEvents(above path: ZNodePath) -> [(watcher: Watcher, event: WatchEvent)] {
        guard let parent = path.parent else { return [] }
        return Self.events(.childrenChanged, parent, self.children.trigger(.childrenChanged, at: parent))
    }

    private static func events(
        _ kind: WatchEvent.Kind,
        _ path: ZNodePath,
        _ watchers: Set<Watcher>
    ) -> [(watcher: Watcher, event: WatchEvent)] {
        watchers.sorted().map { ($0, WatchEvent(kind: kind, path: path)) }
    }
}
