//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat
import ZODBStorage

/// A folder with files of blobs that came from a server, laid out as Python's ClientStorage does it (`zeocache`), so that
/// any number of clients on one machine can share it.
///
/// The file of a blob gets its name when it is complete. Whoever brings a file, or removes one, holds the lock of the
/// folder that it is in; whoever reads one needs none. How long a file was not used its time of access says.
struct BlobCacheDirectory: Sendable {
    static let layoutName = "zeocache"
    private static let marker = ".layout"
    private static let suffix = ".blob"
    /// How many folders there are.
    private static let folderCount: UInt64 = 997
    /// What begins with this in the folder of new files is ours.
    private static let newFilePrefix = "ZEO"
    /// A new file that has not grown for so long is nobody's any more, in nanoseconds.
    private static let longestPause = 86_400 * 1_000_000_000

    /// The path from the root of the file system.
    let path: String

    /// Where files are that are not complete, or not committed.
    var stagingPath: String { self.path + "/tmp" }

    /// Opens a cache, and makes it where it is missing.
    ///
    /// Throws `StorageError.unsupportedFormat` for a folder with blobs that is no cache, as that of a server.
    init(_ path: String) throws {
        self.path = FileSystem.absolute(path)
        try FileSystem.makeFolders(self.path)
        try FileSystem.makeFolders(self.stagingPath)
        let marker = self.path + "/" + Self.marker
        guard let name = try Self.layout(in: marker) else {
            // Complete before it has its name: others may open the cache at the same time.
            let new = "\(self.stagingPath)/\(Self.newFilePrefix)\(processIdentifier)-layout.tmp"
            try FileSystem.remove(new)
            try PositionalFile(new, .create).write(.init(string: Self.layoutName), at: 0)
            try FileSystem.rename(new, to: marker)
            return
        }
        guard name == Self.layoutName else {
            throw StorageError(
                .unsupportedFormat,
                "\(marker) says '\(name)': this is no cache of blobs; a server's own directory needs shared-blob-dir"
            )
        }
    }

    private static func layout(in path: String) throws -> String? {
        guard FileSystem.exists(path) else { return nil }
        let text = String(buffer: try PositionalFile(path, .read).read(at: 0, count: 64))
        return String(text.drop { $0.isWhitespace }.prefix { !$0.isWhitespace })
    }

    // MARK: Names

    /// The name of the folder of an object's files.
    func folderName(of oid: ObjectID) -> String { String(oid.rawValue % Self.folderCount) }

    /// The folder of an object's files.
    func folder(of oid: ObjectID) -> String { self.path + "/" + self.folderName(of: oid) }

    /// The lock of a folder.
    func lock(ofFolder name: String) -> String { "\(self.path)/\(name)/.lock" }

    /// The file with the blob that transaction `tid` wrote for an object.
    func file(of oid: ObjectID, at tid: TransactionID) -> String {
        let digits = String(tid.rawValue, radix: 16)
        let padding = String(repeating: "0", count: 16 - digits.count)
        return "\(self.folder(of: oid))/\(oid.rawValue / Self.folderCount).\(padding)\(digits)\(Self.suffix)"
    }

    // MARK: Files; all functions block

    /// Uses the file with a blob: notes that, and calls `body` with its path. `nil` when the file is not here, or was
    /// removed before `body` could open it.
    func use<Result>(_ oid: ObjectID, at tid: TransactionID, _ body: (String) throws -> Result) throws -> Result? {
        let file = self.file(of: oid, at: tid)
        guard try FileSystem.noteAccess(file) else { return nil }
        do {
            return try body(file)
        } catch let error as StorageError where error.code == .noSuchObject {
            return nil
        }
    }

    /// Gives a complete file its place. The caller holds the folder's lock. Returns the number of its bytes.
    func add(_ blob: UncommittedBlob, _ oid: ObjectID, at tid: TransactionID) throws -> Int {
        guard let path = blob.path, let information = try FileSystem.information(path) else { return 0 }
        let file = self.file(of: oid, at: tid)
        // As Python does it: nobody may write, and everybody may read who may read the folder.
        let folder = try FileSystem.information(FileSystem.folder(of: file))?.permissions ?? 0
        try FileSystem.setPermissions(
            of: path,
            to: information.permissions & ~FileSystem.writePermissions | folder & FileSystem.readPermissions
        )
        if FileSystem.folder(of: path) == self.stagingPath {
            try FileSystem.rename(path, to: file)
        } else {
            // It may have to be copied, and must not have its name meanwhile.
            let staged = "\(self.stagingPath)/\(Self.newFilePrefix)\(processIdentifier)-\(oid)-\(tid).tmp"
            try FileSystem.move(path, to: staged)
            blob.moved(to: staged)
            try FileSystem.rename(staged, to: file)
        }
        _ = blob.take()
        // A Python client that was killed while it got this blob leaves a piece that keeps the others from getting it.
        try FileSystem.remove(file + ".dl")
        return information.size
    }

    /// The files of blobs that are here.
    func files() throws -> [BlobCacheFile] {
        var files: [BlobCacheFile] = []
        for folder in try FileSystem.names(in: self.path) where folder.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            for name in try FileSystem.names(in: self.path + "/" + folder) where name.hasSuffix(Self.suffix) {
                let path = "\(self.path)/\(folder)/\(name)"
                guard let information = try FileSystem.information(path), information.isFile else { continue }
                files.append(
                    BlobCacheFile(folder: folder, path: path, size: information.size, accessed: information.accessed)
                )
            }
        }
        return files
    }

    /// Removes new files whose makers were killed.
    func removeAbandonedFiles(now: Int) throws {
        for name in try FileSystem.names(in: self.stagingPath) where name.hasPrefix(Self.newFilePrefix) {
            let path = self.stagingPath + "/" + name
            guard let information = try FileSystem.information(path), information.isFile else { continue }
            if now - information.modified > Self.longestPause { try FileSystem.remove(path) }
        }
    }
}

/// The file of a blob in a cache.
struct BlobCacheFile: Sendable {
    /// The name of the folder that it is in.
    var folder: String
    var path: String
    var size: Int
    /// When it was last used, in nanoseconds since 1970.
    var accessed: Int
}
