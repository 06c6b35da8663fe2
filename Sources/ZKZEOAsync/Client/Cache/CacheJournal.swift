//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat
import ZODBStorage

/// Decides where the facts about a cache go on disk: into which file, at which offset, and which file has to go.
///
/// Facts are appended, file after file; a file that is full is followed by the next one, and the oldest one goes when
/// together they take more than they may. Driven by `JournaledCache`; says what is to be done to files, in order. Never
/// touches a file itself.
struct CacheJournal {
    /// What is to be done, one after the other.
    enum Operation {
        /// A new file begins with these bytes.
        case begin(segment: Int, ByteBuffer)
        case append(segment: Int, ByteBuffer)
        case remove(segment: Int)
    }

    /// How many files there are at most, when all are full; the more, the less is thrown away at once.
    private static let fileCount = 8
    private static let smallestFile = 4096

    private struct Segment {
        var number: Int
        /// What it counts for: small records count for more than they take, since each takes memory, too.
        var cost: Int
    }

    /// How many bytes the files may take.
    let limit: Int
    /// How large a file grows.
    var segmentSize: Int { max(self.limit / Self.fileCount, Self.smallestFile) }
    /// What was decided and not been taken yet.
    private(set) var operations: [Operation] = []

    private let storage: String
    private var segments: [Segment] = []
    private var length = 0
    private var salt: UInt32 = 0

    /// A journal that goes on behind the files that there are.
    ///
    /// - Parameters:
    ///   - limit: How many bytes the files may take.
    ///   - storage: Which storage the cache is of.
    ///   - segments: The numbers of the files, and what they count for, oldest first.
    init(limit: Int, storage: String, segments: [(number: Int, cost: Int)] = []) {
        self.limit = limit
        self.storage = storage
        self.segments = segments.map { Segment(number: $0.number, cost: $0.cost) }
    }

    /// What all files count for.
    var cost: Int { self.segments.reduce(0) { $0 + $1.cost } }

    /// The file that has to go, if one has to: not the newest.
    var surplus: Int? {
        guard self.segments.count > 1, self.cost > self.limit else { return nil }
        return self.segments[0].number
    }

    /// Whether the next record needs a new file first.
    var isFull: Bool { self.length == 0 || self.length >= self.segmentSize }

    /// Begins a new file. Everything up to `last` has been told.
    mutating func begin(last: TransactionID, salt: UInt32) {
        let number = (self.segments.last?.number ?? 0) + 1
        self.salt = salt
        var buffer = ByteBuffer()
        CacheSegmentHeader(number: number, salt: salt, storage: self.storage, last: last).write(to: &buffer)
        self.length = buffer.readableBytes
        self.segments.append(Segment(number: number, cost: buffer.readableBytes))
        self.operations.append(.begin(segment: number, buffer))
    }

    /// Appends a fact. Returns where its data is, if it has any.
    @discardableResult
    mutating func append(_ record: CacheRecord, _ data: ByteBuffer? = nil) -> CachePlace? {
        guard var segment = self.segments.last, self.length > 0 else { preconditionFailure("a file has begun") }
        var buffer = ByteBuffer()
        record.write(to: &buffer, salt: self.salt)
        var place: CachePlace?
        if case .revision(_, _, _, let length, let checksum) = record, let data {
            let offset = self.length + buffer.readableBytes
            place = CachePlace(segment: segment.number, offset: offset, length: length, checksum: checksum)
            buffer.writeImmutableBuffer(data)
        }
        self.length += buffer.readableBytes
        segment.cost += Self.cost(of: record, length: buffer.readableBytes)
        self.segments[self.segments.count - 1] = segment
        self.operations.append(.append(segment: segment.number, buffer))
        return place
    }

    /// What a record of so many bytes counts for.
    static func cost(of record: CacheRecord, length: Int) -> Int {
        if case .revision = record { max(length, ClientCache.overhead) } else { length }
    }

    /// Removes the oldest file.
    mutating func removeOldest() {
        self.operations.append(.remove(segment: self.segments.removeFirst().number))
    }

    /// Removes all files.
    mutating func removeAll() {
        for segment in self.segments { self.operations.append(.remove(segment: segment.number)) }
        // Numbers go on: a file that could not be removed is not taken for a part of what comes.
        self.segments = self.segments.suffix(1).map { Segment(number: $0.number + 1, cost: 0) }
        self.length = 0
    }

    /// Hands over what was decided.
    mutating func takeOperations() -> [Operation] {
        defer { self.operations = [] }
        return self.operations
    }
}
