//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Synchronization
import ZODBFormat

/// One attempt to pack a data file: blocking work, done piece by piece on a thread of its own.
///
/// Guarded by `target`: what has been copied. One piece of work is done at a time.
final class PackJob: Sendable {
    /// What a pack has come to before it touches anything that others use.
    enum Preparation {
        /// There is nothing to do.
        case nothingToDo
        /// The new file has everything that stays, but for what was committed meanwhile.
        case copied
    }

    /// The new file has been put in the old one's place.
    struct Swapped {
        var contents: ObjectIndex.Contents
        var writable: any AppendableFile
        /// How far the new index file reaches; `nil` when there is none.
        var indexedEnd: Int?
        /// Why nothing may be written any more.
        var failure: (any Error)?
    }

    private struct Target {
        var copier: PackCopier
        var file: PositionalFile
        var writable: any AppendableFile
        var indexedEnd: Int?
    }

    /// So much may be left to be copied when the place of committers is taken.
    private static let shortPiece = 1 << 20
    /// Where commits outrun the copying, it has to end at some time.
    private static let mostRounds = 20

    private let old: PositionalFile
    private let options: PackOptions
    private let report: PackReport
    private let files: PackFiles
    private let thread: DispatchQueue
    private let target = Mutex<Target?>(nil)
    private let hasSwapped = Atomic(false)

    /// A job that packs `old`, on `thread`.
    init(
        _ old: PositionalFile,
        files: PackFiles,
        options: PackOptions,
        report: PackReport,
        thread: DispatchQueue
    ) {
        self.old = old
        self.files = files
        self.options = options
        self.report = report
        self.thread = thread
    }

    /// Marks, and copies what was there at the beginning and what came meanwhile, in rounds. `end` tells where the old
    /// file ends now; `wrapping` may put something between a writer and the new file.
    func prepare(
        end: @escaping @Sendable () throws -> Int,
        wrapping: @escaping @Sendable (PositionalFile) -> any AppendableFile
    ) async throws -> Preparation {
        try await self.run {
            try self.files.checkIdentity(of: self.old)
            let markedEnd = try end()
            var marker = PackMarker(self.old, end: markedEnd, options: self.options, report: self.report)
            guard try marker.mark() else { return .nothingToDo }
            let file = try self.files.create(like: self.old, name: self.old.path)
            let writable = wrapping(file)
            var copier = PackCopier(
                self.old,
                to: writable,
                marker: marker,
                markedEnd: markedEnd,
                options: self.options,
                report: self.report
            )
            try self.options.removedBlobs?.begin()
            try copier.copyPacked()
            guard copier.changesAnything else { return .nothingToDo }
            try self.options.removedBlobs?.synchronize()
            try copier.copyRest(to: markedEnd, phase: .copying)
            try self.files.reached(.copied)
            try self.catchUp(&copier, end)
            try copier.synchronize()
            try self.files.reached(.synchronized)
            try self.files.writeIndex(copier.index, end: copier.newEnd)
            let indexedEnd = copier.newEnd
            try self.catchUp(&copier, end)
            try copier.synchronize()
            self.target.withLock {
                $0 = Target(copier: copier, file: file, writable: writable, indexedEnd: indexedEnd)
            }
            return .copied
        }
    }

    /// Copies the last piece up to `end`, while nothing is committed, and puts the new file in the old one's place.
    func finish(end: Int, keepsOld: Bool) async throws -> Swapped {
        try await self.run {
            try self.target.withLock { target in
                guard var current = target.take() else { preconditionFailure("a pack is prepared before it ends") }
                try self.files.reached(.placeTaken)
                try current.copier.copyRest(to: end, phase: .swapping)
                try current.copier.synchronize()
                try self.files.reached(.tailSynchronized)
                try self.files.prepareSwap(from: self.old, keepsOld: keepsOld)
                try self.report.checkCancellation()
                try self.files.swap()
                self.hasSwapped.store(true, ordering: .relaxed)
                // From here on the new file is the storage's, whatever happens.
                var failure: (any Error)?
                do { try self.files.finishSwap(to: current.file) } catch { failure = error }
                let hasIndex = failure == nil && self.files.placeIndex()
                if failure == nil, !keepsOld { self.files.removeOld() }
                return Swapped(
                    contents: .init(file: current.file, table: current.copier.index, end: current.copier.newEnd),
                    writable: current.writable,
                    indexedEnd: hasIndex ? current.indexedEnd : nil,
                    failure: failure
                )
            }
        }
    }

    /// Removes what an attempt that came to nothing leaves behind.
    func cleanUp() async {
        self.target.withLock { $0 = nil }
        try? await self.run {
            if !self.hasSwapped.load(ordering: .relaxed) { self.options.removedBlobs?.forget() }
            try self.files.removeRests()
        }
    }

    /// Removes the blobs that this pack, or one before it that was interrupted, has left out.
    func removeBlobs(keepsOld: Bool, exists: @escaping @Sendable (ObjectID, TransactionID) throws -> Bool) async throws
    {
        try await self.run { try self.options.removedBlobs?.remove(keepsOld: keepsOld, exists: exists) }
    }

    private func catchUp(_ copier: inout PackCopier, _ end: () throws -> Int) throws {
        for _ in 0..<Self.mostRounds {
            let end = try end()
            guard end - copier.copiedEnd > Self.shortPiece else { return }
            try copier.copyRest(to: end, phase: .swapping)
        }
    }

    private func run<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            self.thread.async { continuation.resume(with: Swift.Result { try work() }) }
        }
    }
}
