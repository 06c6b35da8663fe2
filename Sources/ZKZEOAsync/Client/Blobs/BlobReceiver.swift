//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import Synchronization
import ZODBStorage

/// Writes the pieces of a blob that arrive from a server into a file, in order and away from the event loop.
///
/// Guarded by `state`. One thread at a time writes: it goes on as long as there is something to write.
final class BlobReceiver: Sendable {
    /// How many bytes may wait to be written before nothing more is read from the server.
    static let mark = 1024 * 1024

    private struct State {
        var pieces: [ByteBuffer] = []
        var waitingBytes = 0
        var isWriting = false
        var failure: (any Error)?
        /// How the server's answer ended; `nil` before it is there.
        var answer: Result<Void, any Error>?
        var isSettled = false
    }

    private let writer: BlobFileWriter
    private let state = Mutex(State())
    private let slot = CallSlot<UncommittedBlob>()

    /// Will write a new file in a folder.
    init(in folder: String) {
        self.writer = BlobFileWriter(in: folder)
    }

    /// Waits until the server has answered and everything is written. Throws what the server, or the disk, said.
    func blob() async throws -> UncommittedBlob {
        try await self.slot.value()
    }

    /// A piece has arrived. Returns whether the server sends faster than the disk takes it; then `resume` is called, on any
    /// thread, when it does no longer.
    func received(_ piece: ByteBuffer, resume: @escaping @Sendable () -> Void) -> Bool {
        let (begins, isBehind) = self.state.withLock { state in
            state.pieces.append(piece)
            state.waitingBytes += piece.readableBytes
            defer { state.isWriting = true }
            return (!state.isWriting, state.waitingBytes > Self.mark)
        }
        if begins { NIOThreadPool.singleton.submit { _ in self.write(resume) } }
        return isBehind
    }

    /// The server has answered, or the connection is gone.
    func ended(_ answer: Result<Void, any Error>) {
        let isWriting = self.state.withLock { state in
            state.answer = answer
            return state.isWriting
        }
        if !isWriting { self.settle() }
    }

    private func write(_ resume: () -> Void) {
        while true {
            let pieces = self.state.withLock { state -> [ByteBuffer]? in
                if state.pieces.isEmpty { state.isWriting = false }
                defer { state.pieces = [] }
                return state.pieces.isEmpty ? nil : state.pieces
            }
            guard let pieces else { break }
            let failure = self.write(pieces)
            let count = pieces.reduce(0) { $0 + $1.readableBytes }
            let isBehindNoMore = self.state.withLock { state in
                state.failure = state.failure ?? failure
                defer { state.waitingBytes -= count }
                return state.waitingBytes > Self.mark && state.waitingBytes - count <= Self.mark
            }
            if isBehindNoMore { resume() }
        }
        if self.state.withLock({ !$0.isWriting && $0.answer != nil }) { self.settle() }
    }

    private func write(_ pieces: [ByteBuffer]) -> (any Error)? {
        if self.state.withLock({ $0.failure != nil }) { return nil }
        do {
            try self.writer.start()
            for piece in pieces { try self.writer.append(piece) }
            return nil
        } catch {
            return error
        }
    }

    /// The server has answered, and nothing is written. Both who saw the one and who saw the other may come here.
    private func settle() {
        let (answer, failure) = self.state.withLock { state -> (Result<Void, any Error>?, (any Error)?) in
            if state.isSettled { return (nil, nil) }
            state.isSettled = true
            return (state.answer, state.failure)
        }
        guard let answer else { return }
        self.slot.complete(
            Result {
                try answer.get()
                if let failure { throw failure }
                // An empty blob has no piece.
                try self.writer.start()
                self.writer.finish()
                return self.writer.blob
            }
        )
    }
}
