//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Logging
import NIOCore
import Synchronization
import ZODBFormat

/// The one writer of a data file. It takes finished transactions from a queue, writes all that wait, synchronises the
/// file once for all of them, and publishes them in order.
///
/// Guarded by `machine`: the queue; by `file`: which file is written. That is written by `writer` alone, one block at a
/// time. Guarded by nothing, since only the writer looks at it: `isRefusing`.
final class Appender: Sendable {
    typealias Completion = CheckedContinuation<Void, any Error>
    typealias Machine = AppendQueueStateMachine<Completion>

    private let machine: Mutex<Machine>
    private let file: Mutex<any AppendableFile>
    private let path: String
    private let synchronizesTwice: Bool
    private let logger: Logger?
    private let observer: (any StorageWriteObserver)?
    private let isRefusing = Atomic(false)
    private let publish: @Sendable (EncodedTransaction, _ origin: UInt64) -> Void
    private let writer = DispatchQueue(label: "zodb.filestorage.appender", qos: .userInitiated)

    /// A writer behind position `end` of a file. With `synchronizesTwice` no status says that a transaction is committed
    /// before everything else of it, and of those that are written with it, is durable. `publish` makes a durable
    /// transaction visible; it is called on the writer's thread, in the order of tids.
    init(
        _ file: any AppendableFile,
        path: String,
        end: Int,
        synchronizesTwice: Bool = false,
        logger: Logger? = nil,
        observer: (any StorageWriteObserver)? = nil,
        publish: @escaping @Sendable (EncodedTransaction, _ origin: UInt64) -> Void
    ) {
        self.machine = Mutex(Machine(end: end))
        self.file = Mutex(file)
        self.synchronizesTwice = synchronizesTwice
        self.logger = logger
        self.observer = observer
        self.path = path
        self.publish = publish
    }

    /// The position behind the last transaction that was queued.
    var end: Int { self.machine.withLock { $0.end } }

    /// The number of transactions that are queued and not durable yet.
    var queuedCount: Int { self.machine.withLock { $0.queuedCount } }

    /// The newest transaction that is queued, or was until just now; `nil` when there is none.
    var newestQueued: TransactionID? { self.machine.withLock { $0.newestQueued } }

    /// The number of those who wait for a transaction to become visible, its own committer not counted.
    var waitingForPublicationCount: Int { self.machine.withLock { $0.waitingForPublicationCount } }

    /// The newest revision of an object among the transactions that are not visible yet.
    func queuedRevision(of oid: ObjectID) -> Machine.QueuedRevision? {
        self.machine.withLock { $0.queuedRevision(of: oid) }
    }

    /// Throws the failure that ended all writing, if there was one.
    func checkWritable() throws {
        if let failure = self.machine.withLock({ $0.writeFailure }) { throw failure }
    }

    /// Queues a transaction, calls `queued` once it has its place, and returns when it is durable and visible.
    ///
    /// Throws `StorageError.writeFailed` when the disk refuses it or one in front of it.
    func append(
        _ transaction: EncodedTransaction,
        origin: UInt64,
        with companion: (any CommitCompanion)? = nil,
        queued: () -> Void
    ) async throws {
        try await withCheckedThrowingContinuation { (continuation: Completion) in
            let action = self.machine.withLock {
                $0.queued(
                    .init(encoded: transaction, origin: origin, companion: companion, completion: continuation)
                )
            }
            queued()
            switch action {
            case .wakeWriter: self.writer.async { self.work() }
            case .none: break
            case .fail(let continuation, let error):
                companion?.withdraw()
                continuation.resume(throwing: error)
            }
        }
    }

    /// Returns when the transaction `tid`, which was committed before or has been queued, is durable and visible.
    ///
    /// Throws `StorageError.writeFailed` when the disk refuses it.
    func published(through tid: TransactionID) async throws {
        try await withCheckedThrowingContinuation { (continuation: Completion) in
            switch self.machine.withLock({ $0.waitsForPublication(of: tid, continuation) }) {
            case .proceed: continuation.resume()
            case .wait: break
            case .fail(let failure): continuation.resume(throwing: failure)
            }
        }
    }

    /// Returns when everything that was queued is durable or has failed.
    func settle() async throws {
        try await withCheckedThrowingContinuation { (continuation: Completion) in
            let isSettled = self.machine.withLock { $0.waitsForSleep(continuation) }
            if isSettled { continuation.resume() }
        }
    }

    /// Nothing is queued: goes on with another file, which ends at `end`.
    func moved(to file: any AppendableFile, end: Int) {
        self.machine.withLock { $0.moved(toEnd: end) }
        self.file.withLock { $0 = file }
    }

    /// Writes batch after batch until nothing waits. Runs on `writer`.
    private func work() {
        while true {
            switch self.machine.withLock({ $0.writerReady() }) {
            case .sleep(let waiters):
                for waiter in waiters { waiter.resume() }
                return
            case .write(let batch):
                self.write(batch)
            }
        }
    }

    private func write(_ batch: [Machine.Transaction]) {
        let file = self.file.withLock { $0 }
        let isTwice = self.synchronizesTwice && Self.mayTear(batch)
        var batch = batch
        var refusal: Machine.Refusal?
        var done = 0
        do {
            do {
                while done < batch.count {
                    try batch[done].companion?.synchronize()
                    let encoded = batch[done].encoded
                    try file.write(isTwice ? encoded.unfinishedBytes : encoded.bytes, at: encoded.position)
                    done += 1
                }
            } catch {
                // What did not fit may fit later. What stands in front of it is whole.
                do { try file.truncate(to: batch[done].encoded.position) } catch _ { throw error }
                let refused = self.refuse(behind: done, error)
                batch = refused.rest
                refusal = refused
            }
            let start = ContinuousClock.now
            try file.synchronize()
            if isTwice, !batch.isEmpty {
                // From the first to the last, so that whoever reads the file meanwhile sees where it ends.
                for status in batch.map(\.encoded.status) { try file.write(status.byte, at: status.position) }
                try file.synchronize()
            }
            self.observer?.storageDidSynchronize(
                StorageWrite(
                    transactionCount: batch.count,
                    byteCount: batch.reduce(0) { $0 + $1.encoded.bytes.readableBytes },
                    synchronization: ContinuousClock.now - start,
                    queueLength: max(self.queuedCount - batch.count, 0)
                )
            )
        } catch {
            self.fail(error, file, from: batch.first?.encoded.position, refusal?.failed)
            return
        }
        if let refusal { Self.tell(refusal.failed, refusal.error) }
        for transaction in batch {
            self.publish(transaction.encoded, transaction.origin)
            let waiters = self.machine.withLock { $0.published(transaction.encoded) }
            transaction.completion.resume()
            for waiter in waiters { waiter.resume() }
        }
        if refusal == nil { self.logRefusals(.none) }
    }

    /// What a disk writes whole or not at all.
    private static let sectorSize = 512

    /// Whether a loss of power may leave a part of a batch.
    private static func mayTear(_ batch: [Machine.Transaction]) -> Bool {
        guard let first = batch.first?.encoded.position, let end = batch.last?.encoded.end else { return false }
        return first / Self.sectorSize != (end - 1) / Self.sectorSize
    }

    /// The disk took so many transactions of the batch, and not the next one.
    private func refuse(behind count: Int, _ error: any Error) -> Machine.Refusal {
        let error = StorageError(
            .writeFailed,
            "\(self.path) could not be written; the transaction is not committed",
            underlyingError: error
        )
        self.logRefusals(error)
        return self.machine.withLock { $0.refused(behind: count, error) }
    }

    /// Says once that the disk refuses, and once that it does not any more.
    private func logRefusals(_ error: StorageError?) {
        let isRefusing = error != nil
        guard self.isRefusing.exchange(isRefusing, ordering: .relaxed) != isRefusing else { return }
        self.logger?.warning(
            isRefusing
                ? "The disk refuses to take transactions; each one that comes is tried again"
                : "The disk takes transactions again",
            metadata: ["storage.path": "\(self.path)", "error": error.map { "\($0)" }]
                .compactMapValues { $0.map { .string($0) } }
        )
    }

    /// Ends all writing, since nobody can tell what is on the disk.
    private func fail(
        _ error: any Error,
        _ file: any AppendableFile,
        from position: Int?,
        _ refused: Machine.Failed?
    ) {
        // Nobody may find these transactions at the next opening: they are about to be reported as not committed.
        var doubt: String?
        if let position {
            do {
                try file.truncate(to: position)
                try file.synchronize()
            } catch {
                doubt = "; as it could not be cut off either, what failed may or may not be there after that (\(error))"
            }
        }
        let failure = StorageError(
            .writeFailed,
            "\(self.path) could not be written; nothing is committed to it until it is opened again\(doubt ?? "")",
            underlyingError: error
        )
        self.stop(failure, isCutOff: doubt == nil)
        if var refused {
            if doubt != nil { refused.companions = [] }
            Self.tell(refused, failure)
        }
    }

    /// Ends all writing, and fails whatever is queued. Nothing of that is in the file, unless `isCutOff` is false.
    func stop(_ failure: StorageError, isCutOff: Bool = true) {
        self.logger?.error(
            "Nothing is committed any more until the storage is opened again",
            metadata: ["storage.path": "\(self.path)", "error": "\(failure)"]
        )
        Self.tell(self.machine.withLock { $0.failed(failure, isCutOff: isCutOff) }, failure)
    }

    /// Takes back what belongs to transactions that are not committed, and tells whoever waits for them.
    private static func tell(_ failed: Machine.Failed, _ error: StorageError) {
        for companion in failed.companions { companion.withdraw() }
        for completion in failed.completions { completion.resume(throwing: error) }
    }
}
