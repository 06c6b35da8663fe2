//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization

extension ZooKeeperSession {
    /// What is remembered about a request until its answer comes.
    struct RequestNote: Sendable {
        var path: String?
        var watching: WatchTable<ZooKeeperWatch>.Key?
        var isMulti = false
    }

    /// An answer, in the form in which requests hand it on.
    struct Answer: Sendable {
        var reply: HandleEvent.Reply
        var watch: ZooKeeperWatch?
        var multi: [(code: Int32, result: ZooKeeperOperationResult)] = []
        /// Where it is an error that one can go on from.
        var code: Int32 = 0
    }

    typealias Waiter = CheckedContinuation<Answer, any Error>

    /// Sends one request and waits for its answer.
    ///
    /// Cancellation ends the wait at once. What was sent stays sent: whether a write takes place is unknown then.
    func request(
        _ path: String?,
        watching kind: WatchTable<ZooKeeperWatch>.Kind? = nil,
        multi buffers: MultiBuffers? = nil,
        _ submit: (borrowing ZKHandle, CallbackToken, _ watch: CallbackToken?) -> Int32
    ) async throws -> Answer {
        try self.checkRequestsAllowed(path: path)
        // libzookeeper would end the path at a zero byte and use what stands before it.
        if let path, path.utf8.contains(0) {
            throw ZooKeeperError(.badArguments, path: path, message: "a path cannot contain a zero byte")
        }
        let key = kind.map { WatchTable<ZooKeeperWatch>.Key(kind: $0, path: path ?? "") }
        let note = RequestNote(path: path, watching: key, isMulti: buffers != nil)
        let id = self.requests.withLock { $0.register(note) }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                guard self.requests.withLock({ $0.attach(continuation, to: id) }) else {
                    buffers?.deallocate()
                    continuation.resume(throwing: CancellationError())
                    return
                }
                self.multis[id] = buffers
                self.send(id, watching: key, submit)
            }
        } onCancel: {
            self.requests.withLock { $0.cancel(id) }?.resume(throwing: CancellationError())
        }
    }

    private func send(
        _ id: UInt32,
        watching key: WatchTable<ZooKeeperWatch>.Key?,
        _ submit: (borrowing ZKHandle, CallbackToken, _ watch: CallbackToken?) -> Int32
    ) {
        // `checkRequestsAllowed` has seen a handle, and nothing was awaited since.
        guard let handle = self.handle.take() else {
            preconditionFailure("there is a handle in the states that allow requests")
        }
        let watch = key.map { CallbackToken(slot: handle.slot, id: self.watches.reserve($0)) }
        let code = submit(handle, CallbackToken(slot: handle.slot, id: id), watch)
        self.handle = consume handle
        // Not every code but 0 means that no completion will come; the table ignores the second comer.
        if code != 0 { self.completed(id: id, code: code, .nothing, wasSent: false) }
    }

    /// An answer has come, or the request could not be sent.
    func completed(id: UInt32, code: Int32, _ reply: HandleEvent.Reply, wasSent: Bool = true) {
        guard let (waiter, note) = self.requests.withLock({ $0.finish(id) }) else { return }
        var answer = Answer(reply: reply, code: code)
        if let key = note.watching {
            let armed = code == 0 || key.kind == .existence && code == ZooKeeperError.noNodeCode
            answer.watch = self.watches.answered(key, armed: armed) { ZooKeeperWatch() }
        }
        // A call that failed late may have queued its completion already, so those buffers stay until the handle is closed.
        if wasSent, let buffers = self.multis.removeValue(forKey: id) {
            answer.multi = buffers.readResults()
            buffers.deallocate()
        }
        let isExpected =
            code == 0 || note.isMulti || note.watching?.kind == .existence && code == ZooKeeperError.noNodeCode
        if isExpected {
            waiter?.resume(returning: answer)
        } else {
            waiter?.resume(throwing: ZooKeeperError(rawCode: code, path: note.path))
        }
    }

    /// Presents the credentials to the server, on a handle that has just been made. The library presents them again
    /// whenever it connects; a refusal ends the session through the state of the handle.
    func submitAuth() {
        guard let handle = self.handle.take() else { return }
        self.unsentAuth = (self.configuration.auth + self.addedAuth).map {
            ($0.scheme, $0.credential, CallbackToken(slot: handle.slot, id: 0))
        }
        self.handle = consume handle
        self.submitUnsentAuth()
    }

    /// Presents the credentials that the handle has not taken yet.
    func submitUnsentAuth() {
        guard !self.unsentAuth.isEmpty, let handle = self.handle.take() else { return }
        let unsent = self.unsentAuth
        self.unsentAuth = []
        for (scheme, credential, token) in unsent {
            let code = self.present(scheme: scheme, credential: credential, to: handle, token)
            if code == 0 { continue }
            self.logger.info(
                "cannot present a credential to ZooKeeper",
                metadata: ["zk.auth.scheme": "\(scheme)", "error": "\(ZooKeeperError(rawCode: code))"]
            )
            self.completed(id: token.id, code: code, .nothing, wasSent: false)
        }
        self.handle = consume handle
    }

    /// Presents a credential, or keeps it until there is a connection. Returns libzookeeper's code.
    func present(
        scheme: String,
        credential: [UInt8],
        to handle: borrowing ZKHandle,
        _ token: CallbackToken
    ) -> Int32 {
        let code = handle.addAuth(scheme: scheme, credential: credential, token: token)
        guard code == ZooKeeperError.invalidStateCode else { return code }
        // The library says the same of a session that is over; then the end of the handle answers.
        self.unsentAuth.append((scheme, credential, token))
        return 0
    }
}

extension ZooKeeperError {
    static let noNodeCode: Int32 = -101
    static let invalidStateCode: Int32 = -9
}
