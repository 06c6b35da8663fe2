//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZEOProtocol
import ZODBFormat
import ZODBStorage

/// What a client's connection to one server is up to, from the greeting to the end.
///
/// Driven by the channel's handler with what arrives and what is asked for; says what to send, whom to answer and when to
/// give up. Holds the calls that wait for an answer, and the invalidations that arrive before the client has verified
/// its cache. Never sends, waits or measures time itself.
struct ZEOConnectionStateMachine<Waiter> {
    /// What the answer to a call is for, beside the one who waits for it.
    enum Purpose: Hashable {
        case plain
        /// Equal loads that are under way share one call.
        case load(ObjectID, before: TransactionID)
        /// The file of a blob comes before the answer.
        case blob(ObjectID, TransactionID)
        case heartbeat

        /// Whether nobody else waits for the answer, too.
        fileprivate var isForOne: Bool {
            switch self {
            case .plain, .blob: true
            case .load, .heartbeat: false
            }
        }
    }

    private enum State {
        /// The server speaks first. Next: registering, closed.
        case awaitingGreeting
        /// The storage is being chosen. Next: standby, closed.
        case registering(id: Int)
        /// Calls are answered, invalidations wait until the cache has been verified. Next: active, closed.
        case standby(invalidations: [CommittedTransaction])
        /// Everything goes its way. Next: closed.
        case active
        case closed
    }

    private struct Pending {
        var purpose: Purpose
        var waiters: [Waiter]
        /// For a load the last transaction that has changed the object since.
        var changed: TransactionID?
    }

    /// Whether a server that refuses to be written to is asked to be read.
    private var fallsBack: Bool
    /// Whether the server takes the client only for reading, though it would rather write.
    private(set) var hasFallenBack = false
    private var state = State.awaitingGreeting
    private var pending: [Int: Pending] = [:]
    /// Calls that nobody waits for any more. Their answers may still come, or never, as those to votes that were aborted.
    private var abandoned: Set<Int> = []
    private var loads: [Purpose: Int] = [:]
    /// The calls for blobs that were not answered, abandoned ones too, in their order.
    private var downloads: [(id: Int, blob: Purpose)] = []
    private var lastID = 0
    private var heartbeat: Int?
    private var heartbeatsAnswered = 0

    init(fallsBack: Bool = false) {
        self.fallsBack = fallsBack
    }

    private mutating func nextID() -> Int {
        self.lastID += 1
        return self.lastID
    }

    // MARK: The beginning

    enum GreetingAction {
        /// Answer in the same format, and register with this message id.
        case register(WireFormat, id: Int)
        case close(FormatError)
        case none
    }

    mutating func received(_ greeting: Greeting) -> GreetingAction {
        switch (self.state, greeting) {
        case (.closed, _): return .none
        case (.awaitingGreeting, .version5(let format)):
            let id = self.nextID()
            self.state = .registering(id: id)
            return .register(format, id: id)
        case (.awaitingGreeting, .areYouOkay):
            return .close(FormatError("greeting", "the server greets like a monitor"))
        default: preconditionFailure("only the first frame is a greeting")
        }
    }

    var awaitsGreeting: Bool { if case .awaitingGreeting = self.state { true } else { false } }

    // MARK: Calls

    enum CallAction {
        case send(id: Int)
        /// An equal call is under way; its answer is this one's, too.
        case join
        /// There is nobody to ask.
        case fail(Waiter)
    }

    mutating func call(_ purpose: Purpose, _ waiter: Waiter) -> CallAction {
        switch self.state {
        case .awaitingGreeting, .registering: preconditionFailure("nobody calls before the storage is registered")
        case .closed: return .fail(waiter)
        case .standby, .active: break
        }
        if case .load = purpose {
            if let id = self.loads[purpose] {
                self.pending[id]?.waiters.append(waiter)
                return .join
            }
            self.loads[purpose] = self.lastID + 1
        }
        let id = self.nextID()
        if case .blob = purpose { self.downloads.append((id, purpose)) }
        self.pending[id] = Pending(purpose: purpose, waiters: [waiter])
        return .send(id: id)
    }

    /// A call that was made for one alone has been given up.
    mutating func abandon(_ isMeant: (Waiter) -> Bool) {
        guard
            let id = self.pending.first(where: {
                $0.value.purpose.isForOne && $0.value.waiters.contains(where: isMeant)
            })?.key
        else { return }
        self.pending[id] = nil
        self.abandoned.insert(id)
    }

    /// Whether messages can be sent.
    var canSend: Bool {
        switch self.state {
        case .standby, .active: true
        case .awaitingGreeting, .registering, .closed: false
        }
    }

    // MARK: What the server says

    enum MessageAction {
        /// The storage is registered; that is its last transaction, where the server says it.
        case registered(TransactionID?)
        /// The server can only be read: register for that, with this message id.
        case registerForReading(id: Int)
        /// The server will not have us.
        case refused(RemoteException)
        /// For a load with the last transaction that has changed the object since it was asked for.
        case answer([Waiter], Purpose, Reply, changed: TransactionID?)
        case invalidate(CommittedTransaction)
        case info([PickleItem])
        /// A piece of the file of a blob.
        case blobPiece(Waiter, ByteBuffer)
        case close(FormatError)
        case none
    }

    mutating func received(_ message: ServerMessage) -> MessageAction {
        switch (self.state, message) {
        case (.closed, _): return .none
        case (.awaitingGreeting, _): preconditionFailure("the first frame is a greeting")
        case (.registering(let id), .reply(.number(let answered), .exception(let exception))) where answered == id:
            guard self.fallsBack, exception.className == RemoteException.readOnlyErrorName else {
                return .refused(exception)
            }
            self.fallsBack = false
            self.hasFallenBack = true
            let id = self.nextID()
            self.state = .registering(id: id)
            return .registerForReading(id: id)
        case (.registering(let id), .reply(.number(let answered), let reply)) where answered == id:
            do {
                let tid = try reply.transactionID()
                self.state = .standby(invalidations: [])
                return .registered(tid)
            } catch {
                return .close(FormatError("reply", "the answer to register is no transaction"))
            }
        case (.registering, .call(.info(let items))): return .info(items)
        case (.registering, _):
            return .close(FormatError("message", "something else came before the answer to register"))
        case (.standby, .reply(let id, let reply)), (.active, .reply(let id, let reply)):
            return self.answered(id, reply)
        case (.standby(var invalidations), .call(.invalidateTransaction(let tid, let oids))):
            invalidations.append(CommittedTransaction(tid: tid, oids: oids))
            self.state = .standby(invalidations: invalidations)
            return .none
        case (.active, .call(.invalidateTransaction(let tid, let oids))):
            return .invalidate(CommittedTransaction(tid: tid, oids: oids))
        case (.standby, .call(.info(let items))), (.active, .call(.info(let items))): return .info(items)
        case (.active, .call(.receiveBlobStart(let oid, let tid))),
            (.active, .call(.receiveBlobStop(let oid, let tid))):
            return self.received(nil, of: .blob(oid, tid))
        case (.active, .call(.receiveBlobChunk(let oid, let tid, let piece))):
            return self.received(piece, of: .blob(oid, tid))
        case (.standby, .call(let call)), (.active, .call(let call)):
            return .close(FormatError("message", "the server calls \(call.method), which nobody asked for"))
        }
    }

    /// Something of a blob has come. Of those who asked for the same one the first is answered first.
    private func received(_ piece: ByteBuffer?, of blob: Purpose) -> MessageAction {
        guard let download = self.downloads.first(where: { $0.blob == blob }) else {
            return .close(FormatError("message", "the server sends a blob that nobody asked for"))
        }
        guard let piece, let waiter = self.pending[download.id]?.waiters.first else { return .none }
        return .blobPiece(waiter, piece)
    }

    private mutating func answered(_ id: MessageID, _ reply: Reply) -> MessageAction {
        if case .number(let number) = id { self.downloads.removeAll { $0.id == number } }
        if case .number(let number) = id, self.abandoned.remove(number) != nil { return .none }
        guard case .number(let number) = id, let pending = self.pending.removeValue(forKey: number) else {
            return .close(FormatError("message", "an answer to a call that was not made"))
        }
        if case .load = pending.purpose { self.loads[pending.purpose] = nil }
        if pending.purpose == .heartbeat {
            self.heartbeat = nil
            self.heartbeatsAnswered += 1
        }
        return .answer(pending.waiters, pending.purpose, reply, changed: pending.changed)
    }

    /// The client has been told that a transaction has changed these objects: answers to loads of them that are under way
    /// may be from before.
    mutating func changed(_ transaction: CommittedTransaction) {
        if self.loads.isEmpty { return }
        let oids = Set(transaction.oids)
        for case (.load(let oid, _), let id) in self.loads where oids.contains(oid) {
            self.pending[id]?.changed = transaction.tid
        }
    }

    /// The cache has been verified: returns the invalidations that have waited, oldest first; `nil` when it is too late.
    mutating func activate() -> [CommittedTransaction]? {
        guard case .standby(let invalidations) = self.state else { return nil }
        self.state = .active
        return invalidations
    }

    // MARK: Signs of life

    enum HeartbeatAction {
        case send(id: Int)
        /// The server owes the last sign of life.
        case close
        case none
    }

    mutating func heartbeatIsDue() -> HeartbeatAction {
        guard self.canSend else { return .none }
        guard self.heartbeat == nil else { return .close }
        let id = self.nextID()
        self.pending[id] = Pending(purpose: .heartbeat, waiters: [])
        self.heartbeat = id
        return .send(id: id)
    }

    // MARK: The end

    /// The connection is gone. Returns who still waits, and whether the first sign of life that was asked for may have
    /// been the reason: some servers close the connection on a `ping`, which they do not know.
    mutating func closed() -> (waiters: [Waiter], heartbeatMayBeUnknown: Bool) {
        if case .closed = self.state { return ([], false) }
        self.state = .closed
        defer {
            self.pending = [:]
            self.abandoned = []
            self.downloads = []
            self.loads = [:]
        }
        return (
            self.pending.sorted { $0.key < $1.key }.flatMap(\.value.waiters),
            self.heartbeat != nil && self.heartbeatsAnswered == 0
        )
    }
}
