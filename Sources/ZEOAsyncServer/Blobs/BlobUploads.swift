//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBStorage

/// The blobs that a client sends: written to files one piece after the other, on threads of their own.
///
/// Confined to the connection's event loop.
final class BlobUploads {
    /// How many bytes may wait to be written before nothing more is read from the client.
    private static let mark = 1024 * 1024

    private enum Step: Sendable {
        case start(BlobFileWriter)
        case append(BlobFileWriter, ByteBuffer)
        case finish(BlobFileWriter)

        var size: Int {
            if case .append(_, let chunk) = self { return chunk.readableBytes }
            return 0
        }

        func perform() throws {
            switch self {
            case .start(let writer): try writer.start()
            case .append(let writer, let chunk): try writer.append(chunk)
            case .finish(let writer): writer.finish()
            }
        }
    }

    private let eventLoop: any EventLoop
    private let tasks: TaskTracker
    /// Is called when what waits to be written has become less.
    private let advanced: @Sendable () -> Void

    private var current: BlobFileWriter?
    /// The bytes of the blob that has begun.
    private var currentByteCount = 0
    /// What waits to be done, with the number of the transaction that it is for.
    private var steps: CircularBuffer<(step: Step, transaction: Int)> = []
    /// Transactions are numbered, so that what goes wrong with one does not fail the next.
    private var transaction = 0
    private var isWriting = false
    private var waitingBytes = 0
    private var failure: (any Error)?
    private var waiters: [EventLoopPromise<Void>] = []

    /// How many bytes the transaction's blobs have.
    private(set) var byteCount = 0

    init(eventLoop: any EventLoop, tasks: TaskTracker, advanced: @escaping @Sendable () -> Void) {
        self.eventLoop = eventLoop
        self.tasks = tasks
        self.advanced = advanced
    }

    /// Whether the client sends faster than the disk takes it.
    var isBehind: Bool { self.waitingBytes > Self.mark }

    /// A blob begins, whose file is to be in a folder. `false` when another one has not ended.
    func start(in folder: String) -> Bool {
        guard self.current == nil else { return false }
        let writer = BlobFileWriter(in: folder)
        self.current = writer
        self.currentByteCount = 0
        self.add(.start(writer))
        return true
    }

    /// A piece of the blob that has begun. `false` when none has.
    func append(_ chunk: ByteBuffer) -> Bool {
        guard let writer = self.current else { return false }
        self.byteCount += chunk.readableBytes
        self.currentByteCount += chunk.readableBytes
        self.add(.append(writer, chunk))
        return true
    }

    /// The blob that has begun is complete, though its file may not be. `nil` when none has begun.
    func finish() -> UncommittedBlob? {
        guard let writer = self.current else { return nil }
        self.current = nil
        self.currentByteCount = 0
        self.add(.finish(writer))
        return writer.blob
    }

    /// The transaction is over: its blobs count no more, but for one that has not ended.
    func transactionEnded() {
        self.byteCount = self.currentByteCount
        self.failure = nil
        self.transaction += 1
    }

    /// The client is gone: the file of an incomplete blob is removed once nobody writes it any more.
    func abandon() {
        self.current = nil
        self.steps = []
        self.failure = CancellationError()
        if !self.isWriting { self.settle() }
    }

    /// When all files are written; fails when one could not be. `nil` when there is nothing to wait for.
    func written() -> EventLoopFuture<Void>? {
        if !self.isWriting, self.failure == nil { return nil }
        let promise = self.eventLoop.makePromise(of: Void.self)
        self.waiters.append(promise)
        if !self.isWriting { self.settle() }
        return promise.futureResult
    }

    private func settle() {
        let waiters = self.waiters
        self.waiters = []
        for waiter in waiters {
            if let failure = self.failure { waiter.fail(failure) } else { waiter.succeed() }
        }
    }

    private func add(_ step: Step) {
        self.steps.append((step, self.transaction))
        self.waitingBytes += step.size
        if !self.isWriting { self.write() }
    }

    /// Performs all the steps that wait, in one go.
    private func write() {
        self.isWriting = true
        let steps = Array(self.steps)
        self.steps.removeAll()
        let bound = NIOLoopBound(self, eventLoop: self.eventLoop)
        self.tasks.start(on: WalkExecutor.shared) {
            var failure: (error: any Error, transaction: Int)?
            for (step, transaction) in steps {
                do { try step.perform() } catch { failure = (error, transaction) }
            }
            let size = steps.reduce(0) { $0 + $1.step.size }
            let result = failure
            bound.eventLoop.execute { bound.value.wrote(size, result) }
        }
    }

    private func wrote(_ size: Int, _ failure: (error: any Error, transaction: Int)?) {
        self.waitingBytes -= size
        if let failure, failure.transaction == self.transaction { self.failure = self.failure ?? failure.error }
        if self.steps.isEmpty {
            self.isWriting = false
            self.settle()
        } else {
            self.write()
        }
        self.advanced()
    }
}
