//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// The files of a pack, and how the new data file takes the place of the old one.
///
/// These things hold at every instant, so that the process or the machine may stop at any:
///
/// 1. There is a whole data file under its name. It is never renamed away: the new one is renamed over it, and where
///    the old one is to be kept it gets its second name first.
/// 2. The new file gets the name only when all of it is on disk, and while nothing can be committed: until then the old
///    file has everything that was acknowledged, and from then on the new one has.
/// 3. Nothing is committed to the new file before its name is on disk. If that fails, nothing is committed at all.
/// 4. No index file is beside a data file that it was not made from: the old index is removed, on disk, before the new
///    data file gets its name, and the new index gets its own only after that is on disk. Without an index the next
///    opening reads the data file.
/// 5. What else a pack leaves behind (`.pack`, `.pack.index`) means nothing, and the next opening for writing or the
///    next pack removes it.
/// 6. Whoever goes on writing has made sure that the name leads to the file that it writes to.
struct PackFiles: Sendable {
    /// Moments of a pack at which a test may look at the files, or let something fail.
    enum Step: CaseIterable, Hashable, Sendable {
        case willCreate, created, copied, synchronized, indexWritten, placeTaken, tailSynchronized
        case oldKept, oldIndexRemoved, swapped, folderSynchronized, indexInPlace
    }

    /// The data file. Not a symbolic link: that would be replaced instead of what it leads to.
    let path: String
    private let at: @Sendable (Step) throws -> Void

    /// The files of a pack of the data file at `path`. `at` is called at each moment.
    init(_ path: String, at: @escaping @Sendable (Step) throws -> Void = { _ in }) throws {
        self.path = try FileSystem.resolved(path)
        self.at = at
    }

    /// The file that becomes the data file.
    var packPath: String { Self.packPath(self.path) }
    /// Where the index of that file waits.
    private var packIndexPath: String { IndexFile.path(for: self.packPath) }
    private var oldPath: String { self.path + ".old" }

    private static func packPath(_ path: String) -> String { path + ".pack" }

    /// A moment has come.
    func reached(_ step: Step) throws { try self.at(step) }

    /// Throws when the name does not lead to `file` any more: somebody has put another one in its place.
    func checkIdentity(of file: PositionalFile) throws {
        guard try FileIdentity(ofFileAt: self.path) == file.identity() else {
            throw StorageError(
                .corrupted,
                "\(self.path) is not the file any more that was opened: it has been moved, or replaced by another one"
            )
        }
    }

    /// Makes the new file, with the owner and permissions of the old one.
    func create(like old: PositionalFile, name: String) throws -> PositionalFile {
        try self.at(.willCreate)
        try self.removeRests()
        let file = try PositionalFile(self.packPath, .create, name: name)
        try file.takePermissions(of: old)
        try self.at(.created)
        return file
    }

    /// Writes the index of the new file beside it.
    func writeIndex(_ table: ObjectIndexTable, end: Int) throws {
        try IndexFile.write(.init(table: table, end: end), to: self.packIndexPath)
        try self.at(.indexWritten)
    }

    /// Removes what a pack leaves behind that has not come to its end.
    func removeRests() throws {
        try FileSystem.remove(self.packPath)
        try FileSystem.remove(self.packIndexPath)
        try FileSystem.remove(IndexFile.temporaryPath(for: self.packIndexPath))
    }

    /// Removes what a pack of the data file at `path` has left behind.
    static func removeRests(of path: String) throws {
        guard FileSystem.exists(path) else { return }
        try PackFiles(path).removeRests()
    }

    /// Everything up to the rename. An error leaves the old file in its place.
    func prepareSwap(from old: PositionalFile, keepsOld: Bool) throws {
        if keepsOld { try self.keepOld() }
        try self.at(.oldKept)
        try FileSystem.remove(IndexFile.path(for: self.path))
        try FileSystem.synchronizeFolder(of: self.path)
        try self.at(.oldIndexRemoved)
        try self.checkIdentity(of: old)
    }

    private func keepOld() throws {
        try FileSystem.remove(self.oldPath)
        do {
            try FileSystem.link(self.path, to: self.oldPath)
        } catch {
            guard error.saysThatLinksAreImpossible else { throw error }
            throw StorageError(
                .unsupported,
                "\(self.path) was not packed: it cannot be kept as \(self.oldPath), since its file system gives no second "
                    + "names; do without pack-keep-old there",
                underlyingError: error
            )
        }
    }

    /// The rename. An error leaves the old file in its place.
    func swap() throws {
        try FileSystem.rename(self.packPath, to: self.path)
    }

    /// Everything behind the rename. An error says that nothing may be written any more.
    func finishSwap(to new: PositionalFile) throws {
        try self.at(.swapped)
        try self.checkIdentity(of: new)
        try FileSystem.synchronizeFolder(of: self.path)
        try self.at(.folderSynchronized)
    }

    /// Puts the new file's index in its place; returns whether that went well. The next opening can do without.
    func placeIndex() -> Bool {
        do {
            try FileSystem.rename(self.packIndexPath, to: IndexFile.path(for: self.path))
            try FileSystem.synchronizeFolder(of: self.path)
            try self.at(.indexInPlace)
            return true
        } catch {
            return false
        }
    }

    /// Removes the file that an earlier pack has kept. Nothing depends on it.
    func removeOld() {
        try? FileSystem.remove(self.oldPath)
    }
}
