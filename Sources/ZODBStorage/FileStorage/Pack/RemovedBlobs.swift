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
/// has no record of it. So whatever a crash leaves behind, or a removal that fails, the next pack can do again, or for the
/// first time. The list has Python's name and form: on a line the identifiers of an object and a transaction in
/// hexadecimal, or that of an object alone, all of whose blobs go.
///
/// Guarded by `list`: the file and what has not been written to it yet.
final class RemovedBlobs: Sendable {
    private struct List {
        /// `nil` while nothing is added.
        var file: PositionalFile?
        /// The length of what an earlier pack has left.
        var begin = 0
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

    /// Goes on with the list that an earlier pack has left, or begins an empty one.
    func begin() throws {
        let file = try PositionalFile(self.path, .readWriteOrCreate)
        let end = try file.size()
        self.list.withLock { list in
            list = List(file: file, begin: end, end: end)
            // A crash may have cut the last line short.
            if end > 0 { list.buffer.writeString("\n") }
        }
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

    /// Throws away what was added: the pack has come to nothing. Does nothing before `begin()`.
    func forget() {
        let list = self.list.withLock { list in
            defer { list = List() }
            return list
        }
        guard let file = list.file else { return }
        if list.begin == 0 { try? FileSystem.remove(self.path) } else { try? file.truncate(to: list.begin) }
    }

    /// Removes the blobs on the list, also on one that an earlier pack has left behind, unless `exists` says that the
    /// storage has a record of them. With `keepsOld` all blobs are put into a directory beside this one first, which is
    /// named like it with `.old`.
    ///
    /// Throws the first error, after an attempt at each of them; then the list stays.
    func remove(keepsOld: Bool, exists: (ObjectID, TransactionID) throws -> Bool) throws {
        guard FileSystem.exists(self.path) else { return }
        if keepsOld { try self.keepAll() }
        let file = try PositionalFile(self.path, .read)
        var failure: (any Error)?
        try Self.forEachLine(of: file) { line in
            do { try self.remove(line, exists) } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
        self.list.withLock { $0 = List() }
        try FileSystem.remove(self.path)
    }

    private func remove(_ line: Substring, _ exists: (ObjectID, TransactionID) throws -> Bool) throws {
        // A crash may have left anything.
        guard let oid = UInt64(line.prefix(16), radix: 16).map(ObjectID.init(rawValue:)) else { return }
        var tids: [TransactionID] = []
        switch line.utf8.count {
        case 16: tids = try self.directory.transactions(of: oid)
        case 32: tids = UInt64(line.dropFirst(16), radix: 16).map { [TransactionID(rawValue: $0)] } ?? []
        default: break
        }
        for tid in tids where try !exists(oid, tid) { try self.directory.remove(oid, at: tid) }
    }

    private static func forEachLine(of file: PositionalFile, _ body: (Substring) -> Void) throws {
        var position = 0
        while true {
            let piece = try file.read(at: position, count: Self.linesAtOnce * Self.lineLength)
            guard piece.readableBytes > 0 else { return }
            // What is behind the last end of a line is read again with the next piece.
            let view = piece.readableBytesView
            let whole = view.lastIndex(of: UInt8(ascii: "\n")).map { $0 - view.startIndex + 1 } ?? view.count
            let text = String(decoding: view.prefix(whole), as: UTF8.self)
            for line in text.split(separator: "\n") { body(line) }
            position += whole
        }
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
