//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The folders of a blob directory whose names are known to survive a loss of power, so that each is synchronised once.
///
/// Guarded by `known`: their paths. There are about as many as objects with blobs, which may be too many to remember; to
/// forget some costs a synchronisation more.
final class DurableFolders: Sendable {
    private static let most = 1 << 16

    private let known = Mutex<Set<String>>([])
    private let synchronizeName: @Sendable (String) throws -> Void

    /// Nothing is known yet. `synchronizeName` makes the name of a folder durable.
    init(_ synchronizeName: @escaping @Sendable (String) throws -> Void = FileSystem.synchronizeFolder(of:)) {
        self.synchronizeName = synchronizeName
    }

    /// Returns when the names of a folder and of all those between it and `top` are durable.
    func synchronize(_ folder: String, in top: String) throws {
        var folder = folder
        while folder.utf8.count > top.utf8.count, !self.known.withLock({ $0.contains(folder) }) {
            try self.synchronizeName(folder)
            self.known.withLock { known in
                if known.count >= Self.most { known = [] }
                known.insert(folder)
            }
            folder = FileSystem.folder(of: folder)
        }
    }

    /// A folder has been removed: whoever makes it again has to synchronise its name.
    func removed(_ folder: String) {
        self.known.withLock { _ = $0.remove(folder) }
    }
}
