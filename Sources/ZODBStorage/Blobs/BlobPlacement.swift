//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Synchronization
import ZODBFormat

/// The files of the blobs of one transaction, on their way to their places in a blob directory.
///
/// All that takes long is done before the vote takes its turn: the contents of each file are durable, in the staging
/// folder, and its folder is there. With the tid only names are given.
///
/// Guarded by `tid`: whether the files are in their places.
final class BlobPlacement: CommitCompanion {
    private struct Entry {
        var oid: ObjectID
        var blob: UncommittedBlob
    }

    private let directory: BlobDirectory
    private let entries: [Entry]
    /// The transaction as which the files are in their places.
    private let tid = Mutex<TransactionID?>(nil)

    private init(_ directory: BlobDirectory, _ entries: [Entry]) {
        self.directory = directory
        self.entries = entries
    }

    /// Gets blobs ready. Of several blobs of one object the last one counts. Blocks.
    ///
    /// Throws `StorageError.invalidArgument` for a blob without a file, or whose file was committed already.
    static func staging(
        _ blobs: [(oid: ObjectID, blob: UncommittedBlob)],
        in directory: BlobDirectory
    ) throws -> BlobPlacement? {
        var places: [ObjectID: Int] = [:]
        var entries: [Entry] = []
        for (oid, blob) in blobs {
            if let place = places[oid] {
                entries[place].blob = blob
            } else {
                places[oid] = entries.count
                entries.append(Entry(oid: oid, blob: blob))
            }
        }
        for entry in entries { try Self.stage(entry, in: directory) }
        return entries.isEmpty ? nil : BlobPlacement(directory, entries)
    }

    private static func stage(_ entry: Entry, in directory: BlobDirectory) throws {
        guard let path = entry.blob.path, try FileSystem.information(path)?.isFile == true else {
            let path = entry.blob.path ?? "it has been committed already"
            throw StorageError(
                .invalidArgument,
                "the blob of object \(entry.oid) has no file (\(path))",
                oid: entry.oid
            )
        }
        let folder = try directory.makeFolder(of: entry.oid)
        var staged = path
        if FileSystem.folder(of: path) != directory.stagingPath {
            staged = directory.newStagingFile()
            try FileSystem.move(path, to: staged)
            entry.blob.moved(to: staged)
        }
        try PositionalFile(staged, .read).synchronize()
        // As Python does it: nobody may write any more, and everybody may read who may read the folder.
        let readable = (try FileSystem.information(folder)?.permissions ?? 0) & FileSystem.readPermissions
        let permissions = try FileSystem.information(staged)?.permissions ?? 0
        try FileSystem.setPermissions(of: staged, to: permissions & ~FileSystem.writePermissions | readable)
    }

    func place(for tid: TransactionID) throws {
        var placed: [String] = []
        do {
            for entry in self.entries {
                guard let staged = entry.blob.take() else {
                    throw StorageError(.invalidArgument, "the blob of object \(entry.oid) has been committed already")
                }
                let target = self.directory.file(of: entry.oid, at: tid)
                do {
                    try self.rename(staged, to: target)
                } catch {
                    try? FileSystem.remove(staged)
                    throw error
                }
                placed.append(target)
            }
            self.tid.withLock { $0 = tid }
        } catch {
            for path in placed { try? FileSystem.remove(path) }
            if error is StorageError { throw error }
            throw StorageError(.writeFailed, "a blob could not be put into its place", underlyingError: error)
        }
    }

    private func rename(_ staged: String, to target: String) throws {
        do {
            try FileSystem.rename(staged, to: target)
        } catch  where error.isMissing {
            // A pack has removed the folder, which was empty.
            try FileSystem.makeFolders(FileSystem.folder(of: target))
            try FileSystem.rename(staged, to: target)
        }
    }

    func synchronize() throws {
        for folder in Set(self.entries.map { self.directory.folder(of: $0.oid) }) {
            try FileSystem.synchronizeFolder(of: folder + "/.")
        }
    }

    func withdraw() {
        let tid = self.tid.withLock { tid in
            defer { tid = nil }
            return tid
        }
        guard let tid else { return }
        // What cannot be removed does no harm: no record speaks of it.
        for entry in self.entries { try? self.directory.remove(entry.oid, at: tid) }
    }
}
