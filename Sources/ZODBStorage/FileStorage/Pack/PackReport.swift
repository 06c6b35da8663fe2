//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization

/// Tells others how far a pack is, now and then, and hears from them that it is to stop.
///
/// Guarded by `told`: when others were told last, and of what.
final class PackReport: Sendable {
    private struct Told {
        var phase: PackProgress.Phase?
        var completed = 0
        var time = ContinuousClock.now
        var logged = ContinuousClock.now
    }

    /// A phase's progress is looked at after so many bytes, told after so long, and logged after so much longer.
    private static let stepSize = 1 << 20
    private static let interval = Duration.milliseconds(100)
    private static let logInterval = Duration.seconds(10)

    private let told = Mutex(Told())
    private let isCancelled: Atomic<Bool> = Atomic(false)
    private let progress: (@Sendable (PackProgress) -> Void)?
    private let logger: Logger?

    /// A report to a closure and a log.
    init(progress: (@Sendable (PackProgress) -> Void)?, logger: Logger?) {
        self.progress = progress
        self.logger = logger
    }

    /// The pack is to stop as soon as it can.
    func cancel() { self.isCancelled.store(true, ordering: .relaxed) }

    /// Throws `CancellationError` when the pack is to stop.
    func checkCancellation() throws {
        if self.isCancelled.load(ordering: .relaxed) { throw CancellationError() }
    }

    /// So much of a phase's work is done. Throws `CancellationError` when the pack is to stop.
    func step(_ phase: PackProgress.Phase, _ completed: Int, of total: Int) throws {
        try self.checkCancellation()
        let progress = PackProgress(phase: phase, completed: completed, total: total)
        let (tells, logs) = self.told.withLock { told in
            let isEdge = told.phase != phase || completed >= total
            guard isEdge || completed - told.completed >= Self.stepSize else { return (false, false) }
            told.completed = completed
            let now = ContinuousClock.now
            guard isEdge || now - told.time >= Self.interval else { return (false, false) }
            told.phase = phase
            told.time = now
            guard now - told.logged >= Self.logInterval else { return (true, false) }
            told.logged = now
            return (true, true)
        }
        if tells { self.progress?(progress) }
        if logs {
            self.logger?.info(
                "Packing",
                metadata: ["pack.phase": "\(phase)", "pack.completed": "\(completed)", "pack.total": "\(total)"]
            )
        }
    }
}
