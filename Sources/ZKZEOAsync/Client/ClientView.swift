//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization
import ZEOProtocol
import ZODBFormat
import ZODBStorage

/// What a client knows of the storage: cached records, the last transaction, facts; and who wants to hear of changes.
///
/// Guarded by `state`. Everything that changes is changed on the event loop of the client's connection, in the order in
/// which the server said it; that is why what is known never goes back, and why observers hear one thing at a time.
final class ClientView: Sendable {
    private struct State {
        var cache: ClientCache
        /// Up to where everything has been told; `nil` before the first connection.
        var last: TransactionID?
        var information: ServerInformation?
        var observers: [ObjectIdentifier: any StorageObserver] = [:]
        var unusedOIDs: [ObjectID] = []
        var usesPing = true
    }

    private let state: Mutex<State>
    /// Held while observers are told, so that whoever removes one can wait until it is told nothing any more.
    private let telling = Mutex(())

    init(cacheSize: Int) {
        self.state = Mutex(State(cache: ClientCache(limit: cacheSize)))
    }

    /// Up to where everything has been told; `nil` before the first connection.
    var last: TransactionID? { self.state.withLock { $0.last } }

    /// What the server said about the storage; `nil` before the first connection.
    var information: ServerInformation? { self.state.withLock { $0.information } }

    /// How servers are asked for a sign of life: some do not know `ping`.
    var heartbeat: ServerCall { self.state.withLock { $0.usesPing } ? .ping : .lastTransaction }

    func pingIsUnknown() {
        self.state.withLock { $0.usesPing = false }
    }

    // MARK: Reading

    func revision(of oid: ObjectID, before tid: TransactionID) -> ObjectRevision? {
        self.state.withLock { $0.cache.revision(of: oid, before: tid) }
    }

    func record(of oid: ObjectID, at serial: TransactionID) -> ByteBuffer? {
        self.state.withLock { $0.cache.record(of: oid, at: serial) }
    }

    /// Takes identifiers that the server has given before; `nil` when there are not enough.
    func takeOIDs(_ count: Int) -> [ObjectID]? {
        self.state.withLock { state in
            guard state.unusedOIDs.count >= count else { return nil }
            defer { state.unusedOIDs.removeFirst(count) }
            return Array(state.unusedOIDs.prefix(count))
        }
    }

    func add(_ oids: [ObjectID]) {
        self.state.withLock { $0.unusedOIDs += oids }
    }

    // MARK: Observers

    /// Adds an observer; returns the last transaction that it will not hear of, `nil` before the first connection.
    func add(_ observer: any StorageObserver) -> TransactionID? {
        self.telling.withLock { _ in
            self.state.withLock { state in
                guard let last = state.last else { return nil }
                state.observers[ObjectIdentifier(observer)] = observer
                return last
            }
        }
    }

    /// Removes an observer, which must not do so while it is being told. When this returns it is told nothing any more.
    func remove(_ observer: any StorageObserver) {
        self.state.withLock { _ = $0.observers.removeValue(forKey: ObjectIdentifier(observer)) }
        self.telling.withLock { _ in }
    }

    func removeAllObservers() {
        self.state.withLock { $0.observers = [:] }
        self.telling.withLock { _ in }
    }

    // MARK: What the server says; on the event loop only

    /// A load has been answered. Returns the revision with a record of its own, which keeps no frame in memory.
    ///
    /// - Parameter changed: The last transaction that changed the object since the load was asked for; `nil` for none. What
    ///   the answer calls current, although the client was told of that transaction before, is not kept: for ever it would
    ///   be taken for the current revision.
    func loaded(_ oid: ObjectID, _ revision: LoadedRevision, changed: TransactionID?) -> ObjectRevision {
        let data = ByteBuffer(bytes: revision.data.readableBytesView)
        let revision = ObjectRevision(data: data, tid: revision.tid, next: revision.next)
        if revision.next == nil, let changed, revision.tid < changed { return revision }
        self.state.withLock { $0.cache.store(revision, of: oid) }
        return revision
    }

    /// Somebody else's transaction has become visible.
    func committed(_ transaction: CommittedTransaction) {
        self.announce(transaction) { state in
            for oid in transaction.oids { state.cache.invalidate(oid, at: transaction.tid) }
        }
    }

    /// Our own transaction has become visible. Of objects that the server merged the record is not known.
    func committed(_ transaction: CommittedTransaction, records: [ObjectID: ByteBuffer], merged: Set<ObjectID>) {
        self.announce(transaction) { state in
            for oid in transaction.oids {
                state.cache.invalidate(oid, at: transaction.tid)
                guard !merged.contains(oid), let data = records[oid] else { continue }
                state.cache.store(ObjectRevision(data: data, tid: transaction.tid, next: nil), of: oid)
            }
        }
    }

    /// The cached revision of an object has proved not to be the current one.
    func forget(_ oids: [ObjectID]) {
        self.state.withLock { state in
            for oid in oids { state.cache.invalidate(oid, at: nil) }
        }
    }

    private func announce(_ transaction: CommittedTransaction, _ change: (inout State) -> Void) {
        self.telling.withLock { _ in
            let observers = self.state.withLock { state in
                change(&state)
                return Array(state.observers.values)
            }
            for observer in observers { observer.storageDidCommit(transaction) }
            // Whoever reads this tid finds that everybody has heard of it.
            self.state.withLock { $0.last = max($0.last ?? .zero, transaction.tid) }
        }
    }

    /// Facts have changed.
    func informed(_ items: [PickleItem]) {
        self.state.withLock { state in
            for item in items {
                guard case .int(let value) = item.value else { continue }
                if item.key == .string("length") { state.information?.length = value }
                if item.key == .string("size") { state.information?.size = value }
            }
        }
    }

    /// A new connection stands, and this is what has changed since the last one.
    func connected(_ verification: CacheVerification, _ information: ServerInformation) {
        self.telling.withLock { _ in self.tell(verification, information) }
    }

    private func tell(_ verification: CacheVerification, _ information: ServerInformation) {
        let (observers, wasConnected) = self.state.withLock { state in
            state.information = information
            // A server that was started anew may give identifiers again that were given before but never stored.
            state.unusedOIDs = []
            switch verification {
            case .upToDate: break
            case .changed(_, let oids):
                for oid in oids { state.cache.invalidate(oid, at: nil) }
            case .tooOld: state.cache.removeAll()
            }
            return (Array(state.observers.values), state.last != nil)
        }
        defer { self.state.withLock { $0.last = verification.last } }
        guard wasConnected else { return }
        for observer in observers {
            switch verification {
            case .upToDate: break
            case .changed(let last, let oids):
                observer.storageDidCommit(CommittedTransaction(tid: last, oids: oids))
            case .tooOld(let last): observer.storageDidLoseTrack(now: last)
            }
        }
    }
}
