//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Synchronization

/// Writes the index file now and then, and at the end, so that the next opening need not read the whole data file.
///
/// Guarded by `state`: how far the saved index reaches and whether one is being written. The file is written by `writer`
/// alone. A failure is no loss: the index can always be built from the data file.
final class IndexSaver: Sendable {
    private struct State {
        var savedEnd: Int
        var isSaving = false
        var isPaused = false
    }

    /// So many bytes are appended before the index is worth writing again; more for an index that is large itself.
    private static let leastInterval = 64 << 20
    private static let bytesPerObject = 16

    private let state: Mutex<State>
    private let index: ObjectIndex
    private let path: String
    private let writer = DispatchQueue(label: "zodb.filestorage.index", qos: .utility)

    /// Saves `index` beside the data file at `dataPath`; the index that is there reaches to `savedEnd`.
    init(_ index: ObjectIndex, dataPath: String, savedEnd: Int) {
        self.index = index
        self.path = IndexFile.path(for: dataPath)
        self.state = Mutex(State(savedEnd: savedEnd))
    }

    /// The data file has grown: begins to save the index when that is due, and does not wait for it.
    func grown(_ statistics: StorageStatistics) {
        let interval = max(Self.leastInterval, Self.bytesPerObject * statistics.objectCount)
        let isDue = self.state.withLock { state in
            guard !state.isPaused, !state.isSaving else { return false }
            guard statistics.byteCount - state.savedEnd >= interval else { return false }
            state.isSaving = true
            return true
        }
        if isDue { self.writer.async { try? self.save() } }
    }

    /// Begins to save nothing any more by itself, and returns when nothing is being saved.
    func pause() async {
        self.state.withLock { $0.isPaused = true }
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            self.writer.async { continuation.resume() }
        }
    }

    /// Goes on saving. The index file that is there reaches to `savedEnd`, or, with `nil`, as far as before.
    func resume(savedEnd: Int?) {
        self.state.withLock { state in
            state.isPaused = false
            if let savedEnd { state.savedEnd = savedEnd }
        }
    }

    /// Saves the index as it is now, and returns when it is on disk.
    func saveNow() async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            self.writer.async { continuation.resume(with: Result { try self.save() }) }
        }
    }

    private func save() throws {
        defer { self.state.withLock { $0.isSaving = false } }
        let contents = try self.index.snapshot()
        guard self.state.withLock({ contents.end != $0.savedEnd }) else { return }
        try IndexFile.write(IndexFile.Contents(table: contents.table, end: contents.end), to: self.path)
        self.state.withLock { $0.savedEnd = contents.end }
    }
}
