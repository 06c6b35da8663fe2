//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat

extension BlobDirectory {
    /// The revisions of one object whose blobs are in the directory.
    struct Object {
        var oid: ObjectID
        /// The transactions that wrote them, oldest first.
        var tids: [TransactionID]
    }

    /// Calls `body` with every object that has blobs here. Folders that are empty, or have other files in them, do not
    /// count.
    func forEachObject(_ body: (Object) throws -> Void) throws {
        try self.walk([], body)
    }

    private func walk(_ names: [String], _ body: (Object) throws -> Void) throws {
        let folder = ([self.path] + names).joined(separator: "/")
        if let oid = self.layout.object(ofFolder: names) {
            let tids = try FileSystem.names(in: folder).compactMap(self.layout.transaction(ofFile:)).sorted()
            if !tids.isEmpty { try body(Object(oid: oid, tids: tids)) }
            return
        }
        for name in try FileSystem.names(in: folder) where self.layout.isPart(name) {
            guard FileSystem.isFolder(folder + "/" + name) else { continue }
            try self.walk(names + [name], body)
        }
    }

    /// The transactions that wrote the blobs of an object that are here, oldest first.
    func transactions(of oid: ObjectID) throws -> [TransactionID] {
        try FileSystem.names(in: self.folder(of: oid)).compactMap(self.layout.transaction(ofFile:)).sorted()
    }

    /// Removes the blob that a transaction wrote for an object, and the object's folder with it when that is empty.
    /// Whoever has the file open can go on reading. It is no error when there is none.
    func remove(_ oid: ObjectID, at tid: TransactionID) throws {
        try FileSystem.remove(self.file(of: oid, at: tid))
        try self.removeEmptyFolders(of: oid)
    }

    /// Removes every blob of an object that is gone.
    func removeAll(of oid: ObjectID, through last: TransactionID) throws {
        let folder = self.folder(of: oid)
        for name in try FileSystem.names(in: folder) {
            guard let tid = self.layout.transaction(ofFile: name), tid <= last else { continue }
            try FileSystem.remove(folder + "/" + name)
        }
        try self.removeEmptyFolders(of: oid)
    }

    /// Removes the folder of an object and those that it is in, as far as they are empty. Somebody who is about to put a
    /// file there makes them again.
    private func removeEmptyFolders(of oid: ObjectID) throws {
        var folder = self.folder(of: oid)
        for _ in 0..<self.layout.depth {
            guard try FileSystem.removeEmptyFolder(folder) else { return }
            self.removed(folder)
            folder = FileSystem.folder(of: folder)
        }
    }
}
