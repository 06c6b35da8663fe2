//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization
import ZODBFormat

/// The blobs whose records a pack leaves out, listed in a file until theirs are removed.
///
/// The list is on disk before the new data file gets its name, and each blob on it is removed only when the data file
/// has no record of it. So whatever a crash leaves behind, the next pack can do again, or for the first time. The list
/// has Python's name and form: two identifiers in hexadecimal on a line.
///
/// Guarded by `list`: the file and what has not been written to it yet.
final class RemovedBlobs: Sendable {
    private struct List {
        var file: PositionalFile?
        var end = 0
        var buffer = ByteBuffer()
    }

    private static let lineLength = 33
    private static let linesAtOnce = 1 << 12

    private let directory: BlobDirectory
    private let path: String
    private let list = Mutex(List())

    /// A list of blobs in a directory.
    init(_ directory: BlobDirectory) {
        self.directory = directory
        self.path = directory.path + "/.removed"
    }

    /// Begins an empty list.
    func begin() throws {
        try FileSystem.remove(self.path)
        let file = try PositionalFile(self.path, .create)
        self.list.withLock { $0 = List(file: file) }
    }

    /// Adds a revision of an object to the list.
    func add(_ oid: ObjectID, _ tid: TransactionID) throws {
        try self.list.withLock { list in
            list.buffer.writeString(Self.hexadecimal(oid.rawValue) + Self.hexadecimal(tid.rawValue) + "\n")
            if list.buffer.readableBytes > Self.linesAtOnce * Self.lineLength { try Self.flush(&list) }
        }
    }

    /// Returns when the list would survive a loss of power.
    func synchronize() throws {
        try self.list.withLock { list in
            try Self.flush(&list)
            try list.file?.synchronize()
        }
        try FileSystem.synchronizeFolder(of: self.path)
    }

    /// Throws the list away: the pack has come to nothing.
    func forget() {
        self.list.withLock { $0 = List() }
        try? FileSystem.remove(self.path)
    }

    /// Removes the blobs on the list, also on one that an earlier pack has left behind, unless `exists` says that the
    /// storage has a record of them. With `keepsOld` all blobs are put into a directory beside this one first, which is
    /// named like it with `.old`.
    func remove(keepsOld: Bool, exists: (ObjectID, TransactionID) throws -> Bool) throws {
        guard FileSystem.exists(self.path) else { return }
        if keepsOld { try self.keepAll() }
        let file = try PositionalFile(self.path, .read)
        var position = 0
        while true {
            var lines = try file.read(at: position, count: Self.linesAtOnce * Self.lineLength)
            position += lines.readableBytes
            guard lines.readableBytes > 0 else { break }
            while let line = lines.readString(length: Self.lineLength) {
                // A crash may have left anything.
                guard let oid = UInt64(line.prefix(16), radix: 16),
                    let tid = UInt64(line.dropFirst(16).prefix(16), radix: 16)
                else { continue }
                let (object, transaction) = (ObjectID(rawValue: oid), TransactionID(rawValue: tid))
                if try !exists(object, transaction) { try self.directory.remove(object, at: transaction) }
            }
        }
        self.forget()
    }

    private func keepAll() throws {
        let oldPath = self.directory.path + ".old"
        try FileSystem.removeTree(oldPath)
        try FileSystem.makeFolders(oldPath)
        try FileSystem.linkOrCopy(self.directory.path + "/.layout", to: oldPath + "/.layout")
        let old = try BlobDirectory(oldPath, isWritable: false)
        try self.directory.forEachObject { object in
            try FileSystem.makeFolders(old.folder(of: object.oid))
            for tid in object.tids {
                try FileSystem.linkOrCopy(
                    self.directory.file(of: object.oid, at: tid),
                    to: old.file(of: object.oid, at: tid)
                )
            }
        }
    }

    private static func flush(_ list: inout List) throws {
        try list.file?.write(list.buffer, at: list.end)
        list.end += list.buffer.readableBytes
        list.buffer.clear()
    }

    private static func hexadecimal(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
