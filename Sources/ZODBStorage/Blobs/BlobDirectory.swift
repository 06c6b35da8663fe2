//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
package import ZODBFormat

/// A folder with the files of blobs, shared with Python's ZODB: one file for each revision of each blob.
///
/// A file gets its name there before its transaction becomes durable. So a crash in between leaves a file that no record
/// speaks of, which does no harm, and never a record without its file.
package struct BlobDirectory: Sendable {
    private static let marker = ".layout"

    /// The path from the root of the file system.
    package let path: String
    let layout: BlobLayout
    private let folders: DurableFolders

    /// Where files of blobs are that no transaction has committed yet.
    package var stagingPath: String { self.path + "/tmp" }

    /// Opens the blob directory that a server shares with its clients, and makes it where it is missing.
    package init(shared path: String, isWritable: Bool) throws {
        try self.init(path, isWritable: isWritable)
    }

    /// Opens a blob directory, and makes it where it is missing.
    ///
    /// The layout is the one that the file `.layout` names. Without that file it is `bushy` for a new or empty directory
    /// and, as in Python, `lawn` for one that has anything in it. For reading only nothing is made or written.
    ///
    /// Throws `StorageError.unsupportedFormat` for any other layout.
    init(
        _ path: String,
        isWritable: Bool,
        logger: Logger? = nil,
        folders: DurableFolders = DurableFolders()
    ) throws {
        self.path = FileSystem.absolute(path)
        self.folders = folders
        let markerPath = self.path + "/" + Self.marker
        if let found = try FileSystem.information(self.path), !found.isFolder, !FileSystem.isFolder(self.path) {
            throw StorageError(.invalidArgument, "\(path) is to hold blobs and is no directory")
        }
        if let marked = try Self.markedLayout(markerPath) {
            self.layout = marked
        } else {
            let isUsed = try FileSystem.names(in: self.path).contains { !$0.hasPrefix(".") }
            self.layout = isUsed ? .lawn : .bushy
            if isWritable {
                try FileSystem.makeFolders(self.path)
                try Self.mark(markerPath, self.layout)
            }
        }
        if isWritable { try FileSystem.makeFolders(self.stagingPath) }
        if self.layout == .lawn {
            logger?.warning(
                "The blob directory has the old layout 'lawn', which is slow with many blobs; migrate it to 'bushy'",
                metadata: ["storage.path": "\(self.path)"]
            )
        }
    }

    private static func markedLayout(_ path: String) throws -> BlobLayout? {
        guard FileSystem.exists(path) else { return nil }
        let text = String(buffer: try PositionalFile(path, .read).read(at: 0, count: 64))
        let name = String(text.drop { $0.isWhitespace }.prefix { !$0.isWhitespace })
        guard let layout = BlobLayout(rawValue: name) else {
            throw StorageError(
                .unsupportedFormat,
                "\(path) says that the blobs are laid out as '\(name)'; 'bushy' and 'lawn' can be read here"
            )
        }
        return layout
    }

    private static func mark(_ path: String, _ layout: BlobLayout) throws {
        // Whole or not at all: half a word would be refused ever after.
        let temporaryPath = path + ".tmp"
        try FileSystem.remove(temporaryPath)
        let file = try PositionalFile(temporaryPath, .create)
        try file.write(.init(string: layout.rawValue), at: 0)
        try file.synchronize()
        try FileSystem.rename(temporaryPath, to: path)
        try FileSystem.synchronizeFolder(of: path)
    }

    /// The folder with the files of an object.
    package func folder(of oid: ObjectID) -> String { self.path + "/" + self.layout.folder(of: oid) }

    /// Makes the folder of an object where it is missing, and returns it: its name, and those of the folders that it is
    /// in, survive a loss of power, whoever made them. Whoever shares the directory makes folders, too.
    func makeFolder(of oid: ObjectID) throws -> String {
        let folder = self.folder(of: oid)
        try FileSystem.makeFolders(folder)
        try self.folders.synchronize(folder, in: self.path)
        return folder
    }

    /// The folder of an object has been removed, or one that it was in.
    func removed(_ folder: String) { self.folders.removed(folder) }

    /// The file with the blob that transaction `tid` wrote for an object.
    package func file(of oid: ObjectID, at tid: TransactionID) -> String {
        self.folder(of: oid) + "/" + self.layout.fileName(of: tid)
    }

    /// Whether there is a blob that transaction `tid` wrote for an object.
    func contains(_ oid: ObjectID, at tid: TransactionID) -> Bool { FileSystem.exists(self.file(of: oid, at: tid)) }

    /// The file with the blob that transaction `tid` wrote for an object.
    ///
    /// Throws `StorageError.noSuchObject` when there is none.
    package func existingFile(of oid: ObjectID, at tid: TransactionID) throws -> String {
        let file = self.file(of: oid, at: tid)
        guard FileSystem.exists(file) else {
            throw StorageError(.noSuchObject, "transaction \(tid) wrote no blob for object \(oid)", oid: oid)
        }
        return file
    }

    /// A path in the staging folder that nobody else uses.
    func newStagingFile() -> String {
        let digits = String(UInt64.random(in: .min ... .max), radix: 16)
        return "\(self.stagingPath)/BUC\(processIdentifier)-\(digits)"
    }
}
