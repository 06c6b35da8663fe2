//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import NIOCore
import Synchronization

@testable import ZODBStorage

/// A file whose disk does what a test wants: it holds synchronisations back, or refuses.
final class TestDisk: AppendableFile {
    private struct State {
        var isHolding = false
        var isSynchronizing = false
        var refusesWritesBehind: Int?
        var refusesSynchronization = false
        var refusesTruncation = false
        var refusesAfterHeld = false
        var synchronizations = 0
        var writes = 0
    }

    private let state = Mutex(State())
    private let permits = DispatchSemaphore(value: 0)
    private let file: PositionalFile

    init(_ file: PositionalFile) {
        self.file = file
    }

    /// Whether a synchronisation has begun and is being held back.
    var isHoldingSynchronization: Bool { self.state.withLock { $0.isSynchronizing } }
    var synchronizations: Int { self.state.withLock { $0.synchronizations } }
    var writes: Int { self.state.withLock { $0.writes } }

    /// Holds every synchronisation back from now on.
    func hold() { self.state.withLock { $0.isHolding = true } }

    /// Lets what is held back go on, and holds nothing back any more.
    func release() {
        let isSynchronizing = self.state.withLock { state in
            state.isHolding = false
            return state.isSynchronizing
        }
        if isSynchronizing { self.permits.signal() }
    }

    /// Takes bytes up to a position and no more, as a full disk does; `nil` for a disk with room.
    func fill(at position: Int?) { self.state.withLock { $0.refusesWritesBehind = position } }

    func refuseTruncation() { self.state.withLock { $0.refusesTruncation = true } }

    func refuseSynchronization() { self.state.withLock { $0.refusesSynchronization = true } }

    /// Refuses every synchronisation behind the one that is being held back.
    func refuseSynchronizationAfterHeld() { self.state.withLock { $0.refusesAfterHeld = true } }

    func write(_ bytes: ByteBuffer, at position: Int) throws {
        let limit = self.state.withLock { state in
            state.writes += 1
            return state.refusesWritesBehind
        }
        guard let limit, position + bytes.readableBytes > limit else {
            return try self.file.write(bytes, at: position)
        }
        var some = bytes
        try self.file.write(some.readSlice(length: max(0, limit - position))!, at: position)
        throw FileError(operation: "write", path: self.file.path, code: ENOSPC)
    }

    func synchronize() throws {
        let isHeld = self.state.withLock { state in
            state.synchronizations += 1
            state.isSynchronizing = state.isHolding
            return state.isHolding
        }
        if isHeld {
            self.permits.wait()
            self.state.withLock { $0.isSynchronizing = false }
        }
        let refusesNow = self.state.withLock { state in
            state.refusesSynchronization || (state.refusesAfterHeld && !isHeld)
        }
        if refusesNow {
            throw FileError(operation: "fdatasync", path: self.file.path, code: EIO)
        }
        try self.file.synchronize()
    }

    func truncate(to length: Int) throws {
        if self.state.withLock({ $0.refusesTruncation }) {
            throw FileError(operation: "truncate", path: self.file.path, code: EIO)
        }
        try self.file.truncate(to: length)
    }
}

/// The disks of one storage: that of the file which it opened, then one for each pack.
final class TestDisks: Sendable {
    private let disks = Mutex<[TestDisk]>([])
    private let prepare: @Sendable (TestDisk, _ number: Int) -> Void

    /// `prepare` is called with each new disk and its number.
    init(_ prepare: @escaping @Sendable (TestDisk, _ number: Int) -> Void = { _, _ in }) {
        self.prepare = prepare
    }

    var all: [TestDisk] { self.disks.withLock { $0 } }

    func make(_ file: PositionalFile) -> TestDisk {
        let disk = TestDisk(file)
        let number = self.disks.withLock { disks in
            disks.append(disk)
            return disks.count - 1
        }
        self.prepare(disk, number)
        return disk
    }
}

/// Runs `body` with a new file storage on a test disk.
func withTestDisk(
    isolation: isolated (any Actor)? = #isolation,
    _ body: (FileStorage, TestDisk, _ path: String) async throws -> Void
) async throws {
    try await withTemporaryDirectory { folder in
        let path = folder + "/Data.fs"
        let disks = TestDisks()
        let storage = try FileStorage(.init(path: path), wrapping: { disks.make($0) })
        try await body(storage, disks.all[0], path)
        try await storage.close()
    }
}
