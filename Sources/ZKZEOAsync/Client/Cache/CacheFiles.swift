//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import Synchronization
import ZODBStorage

/// The files of a cache on disk: a folder of the client's own. Does what `CacheJournal` decides, in order, on a thread
/// that may be blocked, and reads records.
///
/// Guarded by `state`. One thread at a time writes: it goes on as long as there is something to do. When the disk refuses
/// anything nothing is written any more: what is there stays a sound, though older, cache.
final class CacheFiles: Sendable {
    /// How many bytes may wait to be written before records are kept in memory only.
    private static let mark = 8 * 1024 * 1024
    private static let suffix = ".zkzeo-cache"

    private struct State {
        var files: [Int: PositionalFile]
        var lengths: [Int: Int]
        var waiting: [CacheJournal.Operation] = []
        var waitingBytes = 0
        var isWriting = false
        var failure: (any Error)?
        var flushed: [CallSlot<Void>] = []
    }

    let path: String
    private let lock: FileLock
    private let state: Mutex<State>

    /// Opens a cache, and makes it where it is missing. Blocks.
    ///
    /// Throws `StorageError.locked` when another client uses it, in this process or another, and `.unsupportedFormat` when
    /// there is a file in its place, as Python's cache is one.
    ///
    /// - Parameters:
    ///   - path: The folder.
    ///   - limit: How many bytes the files may take.
    ///   - memory: How many bytes the records in memory may take.
    ///   - storage: Which storage the cache is of.
    static func open(
        _ path: String,
        limit: Int,
        memory: Int,
        storage: String
    ) throws -> (files: CacheFiles, cache: JournaledCache) {
        let path = FileSystem.absolute(path)
        if FileSystem.exists(path), !FileSystem.isFolder(path) {
            throw StorageError(
                .unsupportedFormat,
                "\(path) is a file, perhaps a cache of Python's ZEO, which cannot be read here: name another path"
            )
        }
        try FileSystem.makeFolders(path)
        let lock = try FileLock(for: path + "/cache")
        let numbers = try FileSystem.names(in: path).compactMap(Self.number(ofFile:)).sorted()
        var replay = CacheReplay(memory: memory, storage: storage)
        var files: [Int: PositionalFile] = [:]
        var lengths: [Int: Int] = [:]
        for (place, number) in numbers.enumerated() {
            let name = Self.file(path, number)
            let file = try PositionalFile(name, .readWrite)
            let end = try replay.read(file, number)
            if let end {
                files[number] = file
                lengths[number] = end
            }
            let isSound = try end == file.size()
            if isSound { continue }
            // Later files go first: none must ever follow one that was cut off.
            for later in numbers[(place + 1)...].reversed() { try FileSystem.remove(Self.file(path, later)) }
            if let end { try file.truncate(to: end) } else { try FileSystem.remove(name) }
            break
        }
        let journal = CacheJournal(limit: limit, storage: storage, segments: replay.segments)
        return (
            CacheFiles(path, lock, State(files: files, lengths: lengths)),
            JournaledCache(replay.table, journal, last: replay.last)
        )
    }

    private init(_ path: String, _ lock: FileLock, _ state: State) {
        self.path = path
        self.lock = lock
        self.state = Mutex(state)
    }

    private static func file(_ path: String, _ number: Int) -> String {
        let digits = String(number)
        return path + "/" + String(repeating: "0", count: max(0, 10 - digits.count)) + digits + Self.suffix
    }

    private static func number(ofFile name: String) -> Int? {
        guard name.hasSuffix(Self.suffix) else { return nil }
        return Int(name.dropLast(Self.suffix.count)).flatMap { $0 > 0 ? $0 : nil }
    }

    // MARK: Reading

    /// The bytes at a place; `nil` when they are not those that were written. Blocks.
    func read(_ place: CachePlace) -> ByteBuffer? {
        guard let file = self.state.withLock({ $0.files[place.segment] }),
            let data = try? file.read(at: place.offset, count: place.length), data.readableBytes == place.length,
            Checksum.crc32(data) == place.checksum
        else { return nil }
        return data
    }

    // MARK: Writing

    /// Whether the disk is slow.
    var isBehind: Bool { self.state.withLock { $0.waitingBytes > Self.mark || $0.failure != nil } }

    /// Why nothing is written any more.
    var failure: (any Error)? { self.state.withLock { $0.failure } }

    /// Will do this behind everything that came before.
    func add(_ operations: [CacheJournal.Operation]) {
        guard !operations.isEmpty else { return }
        let begins = self.state.withLock { state in
            guard state.failure == nil else { return false }
            state.waiting += operations
            state.waitingBytes += operations.reduce(0) { $0 + $1.byteCount }
            defer { state.isWriting = true }
            return !state.isWriting
        }
        if begins { NIOThreadPool.singleton.submit { _ in self.write() } }
    }

    /// Returns when everything that was decided so far has been done.
    func flush() async {
        let slot = CallSlot<Void>()
        let isIdle = self.state.withLock { state in
            if state.isWriting { state.flushed.append(slot) }
            return !state.isWriting
        }
        // The slot does not fail.
        if !isIdle { try? await slot.valueInAnyCase() }
    }

    /// Lets another client use the cache.
    func close() {
        self.lock.release()
    }

    private func write() {
        while true {
            let (operations, flushed) = self.state.withLock { state -> ([CacheJournal.Operation], [CallSlot<Void>]) in
                defer { state.waiting = [] }
                guard state.waiting.isEmpty else { return (state.waiting, []) }
                state.isWriting = false
                defer { state.flushed = [] }
                return ([], state.flushed)
            }
            for slot in flushed { slot.complete(.success(())) }
            if operations.isEmpty { return }
            do {
                for operation in CacheJournal.Operation.merged(operations) { try self.perform(operation) }
            } catch {
                self.state.withLock { state in
                    state.failure = error
                    state.waiting = []
                }
            }
            let count = operations.reduce(0) { $0 + $1.byteCount }
            self.state.withLock { $0.waitingBytes -= count }
        }
    }

    private func perform(_ operation: CacheJournal.Operation) throws {
        switch operation {
        case .begin(let number, let bytes):
            let name = Self.file(self.path, number)
            try FileSystem.remove(name)
            let file = try PositionalFile(name, .create)
            try file.write(bytes, at: 0)
            self.state.withLock { state in
                state.files[number] = file
                state.lengths[number] = bytes.readableBytes
            }
        case .append(let number, let bytes):
            let (file, length) = self.state.withLock { ($0.files[number], $0.lengths[number] ?? 0) }
            guard let file else { preconditionFailure("a file has begun before something is appended") }
            try file.write(bytes, at: length)
            self.state.withLock { $0.lengths[number] = length + bytes.readableBytes }
        case .remove(let number):
            try FileSystem.remove(Self.file(self.path, number))
            // Whoever reads it can go on.
            self.state.withLock { state in
                state.files[number] = nil
                state.lengths[number] = nil
            }
        }
    }
}

extension CacheJournal.Operation {
    fileprivate var byteCount: Int {
        switch self {
        case .begin(_, let bytes), .append(_, let bytes): bytes.readableBytes
        case .remove: 0
        }
    }

    /// The same with as few writes as possible.
    fileprivate static func merged(_ operations: [Self]) -> [Self] {
        var merged: [Self] = []
        var current: (number: Int, bytes: ByteBuffer)?
        for operation in operations {
            if case .append(let number, let bytes) = operation, current?.number == number {
                current?.bytes.writeImmutableBuffer(bytes)
                continue
            }
            if let (number, bytes) = current { merged.append(.append(segment: number, bytes)) }
            current = nil
            if case .append(let number, let bytes) = operation {
                current = (number, bytes)
            } else {
                merged.append(operation)
            }
        }
        if let (number, bytes) = current { merged.append(.append(segment: number, bytes)) }
        return merged
    }
}
