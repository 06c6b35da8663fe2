//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import ZODBFormat

/// A data file that has just been opened, recovered and indexed.
struct OpenedFile {
    let file: PositionalFile
    /// Held for writing; `nil` for reading only.
    let lock: FileLock?
    let table: ObjectIndexTable
    /// The position behind the last whole transaction.
    let end: Int
    /// The tid of the last whole transaction.
    let last: TransactionID
    /// How far the index file reached that was believed; `nil` when the index was built from the data file.
    let indexedEnd: Int?

    private static let currentFormat = ByteBuffer(string: "FS30")
    private static let python2Format = ByteBuffer(string: "FS21")
    private static let scanWindow = 1 << 20

    /// Opens a data file: takes its lock, makes it where it is missing, cuts off a torn end, and indexes it.
    init(_ configuration: FileStorageConfiguration) throws {
        let path = configuration.path
        guard !(configuration.create && configuration.readOnly) else {
            throw StorageError(.invalidArgument, "\(path) cannot be created for reading only")
        }
        self.lock = configuration.readOnly ? nil : try FileLock(for: path)
        if configuration.create { try FileSystem.remove(path) }
        if !configuration.readOnly {
            if FileSystem.isMissing(path) { try Self.create(path) }
            try PackFiles.removeRests(of: path)
        }
        self.file = try PositionalFile(path, configuration.readOnly ? .read : .readWrite)
        let size = try Self.checkFormat(of: self.file, isWritable: !configuration.readOnly)

        let file = self.file
        let read = { position, count in try file.read(at: position, count: count) }
        let believed = Self.believableIndex(
            beside: path,
            window: FileWindow(size: size, windowSize: 1 << 16, read: read),
            logger: configuration.logger
        )
        self.indexedEnd = believed?.contents.end
        var table = believed?.contents.table ?? ObjectIndexTable()
        var recovery = Recovery(
            FileWindow(size: size, windowSize: Self.scanWindow, read: read),
            path: path,
            finishes: !configuration.readOnly
        )
        let outcome = try recovery.scan(
            from: believed?.contents.end ?? Recovery.start,
            after: believed?.last ?? .zero
        ) { transaction in
            for object in transaction.objects { table.set(object.oid, object.position) }
        }
        self.table = table
        self.end = outcome.end
        self.last = outcome.last
        if !outcome.unfinished.isEmpty { try Self.finish(outcome.unfinished, in: file, logger: configuration.logger) }
        if let torn = outcome.torn, !configuration.readOnly {
            let saved = try Self.cut(file, at: outcome.end, size: size)
            configuration.logger?.warning(
                "The end of the data file was torn and has been cut off",
                metadata: [
                    "storage.path": "\(path)", "storage.position": "\(outcome.end)", "storage.problem": "\(torn)",
                    "storage.saved": "\(saved)",
                ]
            )
        }
    }

    /// Makes a data file where there is nothing. A symbolic link to a missing file is something: its volume may not be
    /// mounted.
    private static func create(_ path: String) throws {
        // Python's pack gives the old file another name for a moment before the new one gets its own.
        guard !(FileSystem.exists(path + ".old") && FileSystem.exists(path + ".pack")) else {
            throw StorageError(
                .corrupted,
                "\(path) is not there, but \(path).old is, and \(path).pack: a pack was interrupted. Give \(path).old "
                    + "its name back; nothing was changed"
            )
        }
        // An index of what was there before would have to be found out as wrong.
        try FileSystem.remove(IndexFile.path(for: path))
        let file = try PositionalFile(path, .create)
        try file.write(self.currentFormat, at: 0)
        try file.synchronize()
        try FileSystem.synchronizeFolder(of: path)
    }

    /// Checks the four letters at the beginning, writes them where there is nothing yet, and returns the file's size.
    private static func checkFormat(of file: PositionalFile, isWritable: Bool) throws -> Int {
        let size = try file.size()
        // The machine may have stopped when the letters were on their way.
        if size <= Recovery.start, try file.read(at: 0, count: size).readableBytesView.allSatisfy({ $0 == 0 }) {
            if isWritable {
                try file.write(self.currentFormat, at: 0)
                try file.synchronize()
            }
            return Recovery.start
        }
        let format = try file.read(at: 0, count: Recovery.start)
        if format == self.python2Format {
            throw StorageError(
                .unsupportedFormat,
                "\(file.path) was written by ZODB under Python 2 (FS21); convert it with Python's zodbupdate first"
            )
        }
        guard format == self.currentFormat else {
            throw StorageError(.unsupportedFormat, "\(file.path) is no data file: it does not begin with FS30")
        }
        return size
    }

    private static func believableIndex(
        beside path: String,
        window: FileWindow,
        logger: Logger?
    ) -> (contents: IndexFile.Contents, last: TransactionID)? {
        let indexPath = IndexFile.path(for: path)
        guard FileSystem.exists(indexPath) else { return nil }
        do {
            let contents = try IndexFile.read(indexPath)
            var window = window
            if let last = try IndexAudit.lastTransaction(of: contents, in: &window) { return (contents, last) }
            logger?.info(
                "The index file does not fit the data file and is ignored",
                metadata: ["storage.path": "\(path)"]
            )
        } catch {
            logger?.info(
                "The index file is damaged and is ignored",
                metadata: ["storage.path": "\(path)", "error": "\(error)"]
            )
        }
        return nil
    }

    /// Writes the statuses of transactions at positions, which are whole but for that.
    private static func finish(_ positions: [Int], in file: PositionalFile, logger: Logger?) throws {
        let status = ByteBuffer(integer: TransactionHeader.Status.committed.rawValue)
        for position in positions { try file.write(status, at: position + TransactionHeader.statusOffset) }
        try file.synchronize()
        logger?.warning(
            "Transactions whose status was on its way to the disk have been committed",
            metadata: ["storage.path": "\(file.path)", "storage.position": "\(positions[0])"]
        )
    }

    /// Saves what stands behind `end` in a file of its own, then cuts it off; returns the path of that file.
    private static func cut(_ file: PositionalFile, at end: Int, size: Int) throws -> String {
        var number = 0
        while FileSystem.exists("\(file.path).tr\(number)") { number += 1 }
        let saved = try PositionalFile("\(file.path).tr\(number)", .create)
        var position = end
        while position < size {
            let bytes = try file.read(at: position, count: min(Self.scanWindow, size - position))
            guard bytes.readableBytes > 0 else { break }
            try saved.write(bytes, at: position - end)
            position += bytes.readableBytes
        }
        try saved.synchronize()
        try FileSystem.synchronizeFolder(of: saved.path)
        try file.truncate(to: end)
        try file.synchronize()
        return saved.path
    }
}
