//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat
import ZODBStorage

/// Reads the files of a cache from front to back, as far as they can be believed.
struct CacheReplay {
    /// How much of a file is read at a time, where not more is wanted.
    private static let windowSize = 1 << 18

    private(set) var table: ClientCache
    private(set) var last = TransactionID.zero
    /// The numbers of the files, and what they count for.
    private(set) var segments: [(number: Int, cost: Int)] = []
    private let storage: String

    private var window = ByteBuffer()
    private var windowStart = 0

    init(memory: Int, storage: String) {
        self.table = ClientCache(limit: memory)
        self.storage = storage
    }

    /// Reads the next file. Returns up to where it is sound; `nil` when it has no place here at all. Behind a file that is
    /// not sound to its end nothing may be read.
    mutating func read(_ file: PositionalFile, _ number: Int) throws -> Int? {
        self.window = ByteBuffer()
        guard let bytes = try self.bytes(file, 0, CacheSegmentHeader.length), let header = CacheSegmentHeader(bytes),
            header.number == number, header.storageChecksum == Checksum.crc32(ByteBuffer(string: self.storage)),
            self.segments.last.map({ $0.number + 1 == number }) ?? true
        else { return nil }
        self.last = max(self.last, header.last)
        var cost = CacheSegmentHeader.length
        var position = CacheSegmentHeader.length
        let end = try file.size()
        while let prefix = try self.bytes(file, position, CacheRecord.prefixLength),
            let length = CacheRecord.headLength(prefix),
            let head = try self.bytes(file, position + CacheRecord.prefixLength, length),
            let record = CacheRecord(prefix: prefix, head: head, salt: header.salt)
        {
            let start = position + CacheRecord.prefixLength + length
            guard start + record.dataLength <= end else { break }
            self.apply(record, number, start)
            position = start + record.dataLength
            cost += CacheJournal.cost(of: record, length: CacheRecord.prefixLength + length + record.dataLength)
        }
        self.segments.append((number, cost))
        return position
    }

    private mutating func apply(_ record: CacheRecord, _ number: Int, _ offset: Int) {
        switch record {
        case .revision(let oid, let tid, let next, let length, let checksum):
            let place = CachePlace(segment: number, offset: offset, length: length, checksum: checksum)
            self.table.restore(oid, tid, next: next, place)
        case .ended(let oid, let tid, let next): self.table.end(oid, tid, next)
        case .told(let tid, let oids):
            for oid in oids { self.table.invalidate(oid, at: tid) }
            self.last = max(self.last, tid)
        case .changed(let tid, let oids):
            for oid in oids { self.table.invalidate(oid, at: nil) }
            self.last = max(self.last, tid)
        case .forgotten(let oids):
            for oid in oids { self.table.invalidate(oid, at: nil) }
        }
    }

    /// The bytes at a position; `nil` when the file ends before.
    private mutating func bytes(_ file: PositionalFile, _ position: Int, _ count: Int) throws -> ByteBuffer? {
        let offset = position - self.windowStart
        if offset >= 0, offset + count <= self.window.readableBytes {
            return self.window.getSlice(at: self.window.readerIndex + offset, length: count)
        }
        self.window = try file.read(at: position, count: max(count, Self.windowSize))
        self.windowStart = position
        return self.window.getSlice(at: self.window.readerIndex, length: count)
    }
}
