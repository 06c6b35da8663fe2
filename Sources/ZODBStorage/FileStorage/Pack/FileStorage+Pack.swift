//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Logging

extension FileStorage {
    /// Removes revisions, and with garbage collection objects, that were not needed any more at a time.
    ///
    /// Others load and commit meanwhile; commits wait only while the last short piece is copied and the new file takes
    /// the old one's place. A pack to a time before an earlier pack's, or one that would remove nothing, changes nothing.
    ///
    /// Throws `StorageError.packing` while another pack is under way; `.noSuchObject` and `.corrupted` where garbage
    /// collection meets a reference that leads nowhere or a record that it cannot read; `.writeFailed` when the disk
    /// refuses; `CancellationError` when the task is cancelled. Then nothing has been changed.
    public func pack(_ request: PackRequest) async throws {
        try self.checkWritable()
        let report = PackReport(progress: request.progress, logger: self.configuration.logger)
        try self.packGate.begin(report)
        defer { self.packGate.end() }
        try await withTaskCancellationHandler {
            try await self.pack(request, report)
        } onCancel: {
            report.cancel()
        }
    }

    private func pack(_ request: PackRequest, _ report: PackReport) async throws {
        let options = PackOptions(
            before: request.before,
            collectsGarbage: request.collectsGarbage ?? self.configuration.packGC,
            decode: request.decode,
            removedBlobs: self.blobs.map { RemovedBlobs($0) }
        )
        let path = self.configuration.path
        let before = try self.index.snapshot()
        // An empty file has nothing to lose.
        guard before.table.count > 0 else { return }
        let begin = ContinuousClock.now
        self.configuration.logger?.info(
            "A pack begins",
            metadata: [
                "storage.path": "\(path)", "pack.before": "\(request.before)",
                "pack.collects-garbage": "\(options.collectsGarbage)", "storage.size": "\(before.end)",
            ]
        )
        do {
            let isPacked = try await self.packUntilNotOvertaken(options, report)
            let after = self.history.statistics
            self.configuration.logger?.info(
                isPacked
                    ? "A pack has ended"
                    : "A pack has ended: the file has been packed to this time already, or there is nothing to remove",
                metadata: [
                    "storage.path": "\(path)", "storage.size-before": "\(before.end)",
                    "storage.size": "\(after.byteCount)", "storage.objects": "\(after.objectCount)",
                    "pack.duration": "\(ContinuousClock.now - begin)",
                ]
            )
        } catch {
            self.configuration.logger?.info(
                "A pack has failed",
                metadata: ["storage.path": "\(path)", "error": "\(error)"]
            )
            guard error is FileError else { throw error }
            throw StorageError(.writeFailed, "\(path) could not be packed and is as it was", underlyingError: error)
        }
    }

    /// Packs; false when there is nothing to do.
    private func packUntilNotOvertaken(_ options: PackOptions, _ report: PackReport) async throws -> Bool {
        for _ in 0..<Self.mostPackAttempts {
            do { return try await self.packOnce(options, report) } catch is PackOvertaken {
                self.configuration.logger?.info(
                    "A transaction needs what the pack leaves out; it begins again",
                    metadata: ["storage.path": "\(self.configuration.path)"]
                )
            }
        }
        throw StorageError(
            .packing,
            "\(self.configuration.path) was not packed: transactions kept bringing back what the pack leaves out"
        )
    }

    private static let mostPackAttempts = 5

    private func packOnce(_ options: PackOptions, _ report: PackReport) async throws -> Bool {
        let job = PackJob(
            try self.index.extent().file,
            files: try PackFiles(self.configuration.path, at: self.packStep),
            options: options,
            report: report,
            thread: self.packThread
        )
        await self.removeBlobs(job, keepsOld: self.configuration.packKeepOld)
        do {
            let index = self.index
            let preparation = try await job.prepare(end: { try index.extent().end }, wrapping: self.wrapping)
            guard case .copied = preparation else {
                await job.cleanUp()
                return false
            }
            try await self.swap(job)
        } catch {
            await job.cleanUp()
            throw error
        }
        await self.removeBlobs(job, keepsOld: self.configuration.packKeepOld)
        return true
    }

    /// Removes blobs without records. Where that fails, the next pack does it.
    private func removeBlobs(_ job: PackJob, keepsOld: Bool) async {
        do {
            try await job.removeBlobs(keepsOld: keepsOld) { oid, tid in
                // What is in its place and not visible yet is about to get its record.
                guard tid <= self.history.last else { return true }
                do {
                    _ = try self.load(oid, at: tid)
                    return true
                } catch let error as StorageError where error.code == .noSuchObject {
                    return false
                }
            }
        } catch {
            self.configuration.logger?.warning(
                "Blobs without records could not be removed; the next pack tries again",
                metadata: ["storage.path": "\(self.configuration.path)", "error": "\(error)"]
            )
        }
    }

    /// Holds the place of committers, and the index file, while the new file takes the old one's place.
    private func swap(_ job: PackJob) async throws {
        await self.indexSaver.pause()
        var indexedEnd: Int?
        defer { self.indexSaver.resume(savedEnd: indexedEnd) }
        let vote = try await self.place.acquire()
        defer { self.place.release(vote) }
        try await self.appender.settle()
        try self.appender.checkWritable()
        let swapped: PackJob.Swapped
        do {
            swapped = try await job.finish(
                end: try self.index.extent().end,
                keepsOld: self.configuration.packKeepOld
            )
        } catch {
            // The old file's index may be gone.
            indexedEnd = 0
            throw error
        }
        let contents = swapped.contents
        let statistics = StorageStatistics(objectCount: contents.table.count, byteCount: contents.end)
        self.index.replace(contents)
        self.appender.moved(to: swapped.writable, end: contents.end)
        self.history.replaceStatistics(statistics)
        indexedEnd = swapped.indexedEnd ?? 0
        if let failure = swapped.failure {
            let error = StorageError(
                .writeFailed,
                "\(self.configuration.path) has been packed, but it is not certain that its name leads to the new file "
                    + "after a loss of power; nothing is committed to it until it is opened again",
                underlyingError: failure
            )
            self.appender.stop(error)
            throw error
        }
    }
}
