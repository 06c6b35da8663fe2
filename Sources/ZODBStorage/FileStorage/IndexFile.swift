//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

/// Reads and writes index files as Python's `fsIndex` does: a pickle of the position up to which the index knows the
/// data file, then a pickled pair for each bucket (six bytes of identifiers; the last two bytes of all of them, then six
/// bytes of position for each), then a pickled `None`.
enum IndexFile {
    /// What an index file says. It is believed only where the data file agrees.
    struct Contents {
        var table: ObjectIndexTable
        /// How far into the data file the index knows it.
        var end: Int
    }

    /// No pickle in an index file is longer: one full bucket and what is around it.
    private static let longestPickle = 1 << 20

    /// The path of the index of a data file.
    static func path(for dataPath: String) -> String { dataPath + ".index" }

    /// Where an index file is written before it gets its name. Python's name for it, so that what a crash leaves
    /// behind is overwritten by whoever comes next.
    static func temporaryPath(for path: String) -> String { path + ".index_tmp" }

    /// Reads the index file at `path`.
    ///
    /// Throws where there is none and where it is not what it should be. Indexes in the form that ZODB wrote before
    /// 3.10, one pickle of everything, count as damaged.
    static func read(_ path: String) throws -> Contents {
        let file = try PositionalFile(path, .read)
        var position = 0
        var buffer = ByteBuffer()
        func nextPickle() throws -> PickleValue {
            if buffer.readableBytes < self.longestPickle {
                buffer.discardReadBytes()
                var more = try file.read(at: position, count: 4 * self.longestPickle)
                position += more.readableBytes
                buffer.writeBuffer(&more)
            }
            return try PickleReader().read(from: &buffer)
        }
        guard case .int(let end) = try nextPickle(), end >= Recovery.start else {
            throw FormatError("index file", "does not begin with a position")
        }
        var table = ObjectIndexTable()
        while true {
            switch try nextPickle() {
            case .none:
                return Contents(table: table, end: end)
            case .tuple(let pair):
                guard pair.count == 2, case .bytes(let prefix) = pair[0], case .bytes(let packed) = pair[1] else {
                    throw FormatError("index file", "holds something that is not a bucket")
                }
                guard let key = prefix.prefixNumber, let bucket = ObjectIndexTable.Bucket(packed, end: end) else {
                    throw FormatError("index file", "holds a damaged bucket")
                }
                table.replace(key, bucket)
            default:
                throw FormatError("index file", "holds something that is not a bucket")
            }
        }
    }

    /// Writes an index file in the place of the one at `path`, whole or not at all.
    static func write(_ contents: Contents, to path: String) throws {
        let temporaryPath = Self.temporaryPath(for: path)
        try FileSystem.remove(temporaryPath)
        let file = try PositionalFile(temporaryPath, .create)
        var position = 0
        var buffer = ByteBuffer()
        func flush() throws {
            try file.write(buffer, at: position)
            position += buffer.readableBytes
            buffer.clear()
        }
        let writer = PickleWriter()
        writer.write(.int(contents.end), into: &buffer)
        for prefix in contents.table.prefixes {
            guard let bucket = contents.table.bucket(prefix) else { continue }
            var key = ByteBuffer()
            key.writeInteger(UInt16(truncatingIfNeeded: prefix >> 32))
            key.writeInteger(UInt32(truncatingIfNeeded: prefix))
            writer.write(.tuple([.bytes(key), .bytes(bucket.packed)]), into: &buffer)
            if buffer.readableBytes > self.longestPickle { try flush() }
        }
        writer.write(.none, into: &buffer)
        try flush()
        try file.synchronize()
        try FileSystem.rename(temporaryPath, to: path)
        try FileSystem.synchronizeFolder(of: path)
    }
}

extension ByteBuffer {
    /// The six readable bytes as a number; `nil` when there are not six.
    fileprivate var prefixNumber: UInt64? {
        guard self.readableBytes == 6,
            let high = self.getInteger(at: self.readerIndex, as: UInt16.self),
            let low = self.getInteger(at: self.readerIndex + 2, as: UInt32.self)
        else { return nil }
        return UInt64(high) << 32 | UInt64(low)
    }
}

extension ObjectIndexTable.Bucket {
    /// The bucket that is packed into `bytes`; `nil` when it is empty or unsorted, or points beyond `end`.
    fileprivate init?(_ bytes: ByteBuffer, end: Int) {
        self.init()
        let count = bytes.readableBytes / 8
        guard count > 0, count <= 1 << 16, bytes.readableBytes == count * 8 else { return nil }
        self.reserveCapacity(count)
        var suffixes = bytes
        guard var positions = suffixes.getSlice(at: bytes.readerIndex + count * 2, length: count * 6) else {
            return nil
        }
        var last: UInt16?
        for _ in 0..<count {
            guard let suffix = suffixes.readInteger(as: UInt16.self),
                let (high, low) = positions.readMultipleIntegers(as: (UInt16, UInt32).self)
            else { return nil }
            let position = Int(high) << 32 | Int(low)
            if let last, suffix <= last { return nil }
            guard position >= Recovery.start, position < end else { return nil }
            last = suffix
            _ = self.set(suffix, position)
        }
    }

    /// The bucket as an index file holds it: all suffixes, then all positions.
    fileprivate var packed: ByteBuffer {
        var bytes = ByteBuffer()
        bytes.reserveCapacity(self.count * 8)
        for suffix in self.suffixes { bytes.writeInteger(suffix) }
        for index in 0..<self.count {
            let position = UInt64(self.position(at: index))
            bytes.writeMultipleIntegers(
                UInt16(truncatingIfNeeded: position >> 32),
                UInt32(truncatingIfNeeded: position)
            )
        }
        return bytes
    }
}
