//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOPosix

/// Threads for what may wait for a disk for long: listing, walking, packing, and the files of blobs.
///
/// Neither the event loops, on which every client waits, nor the threads on which commits go on are held up by that.
final class WalkExecutor: TaskExecutor {
    /// One for the process: threads are made when they are first needed.
    static let shared = WalkExecutor(threadCount: 16)

    private let pool: NIOThreadPool

    private init(threadCount: Int) {
        self.pool = NIOThreadPool(numberOfThreads: threadCount)
        self.pool.start()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let executor = unsafe self.asUnownedTaskExecutor()
        self.pool.submit { _ in unsafe job.runSynchronously(on: executor) }
    }
}
