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
        var cache: JournaledCache
        /// Where the cache is written down; `nil` for one in memory alone.
        var files: CacheFiles?
        /// Up to where everything has been told; `nil` before the first connection.
        var last: TransactionID?
        var information: ServerInformation?
        var observers: [ObjectIdentifier: any StorageObserver] = [:]
        var unusedOIDs: [ObjectID] = []
        var usesPing = true

        /// What the cache has learnt is written down in the order in which it was learnt.
        mutating func changeCache(_ change: (inout JournaledCache) -> Void) {
            change(&self.cache)
            if let files = self.files { files.add(self.cache.takeOperations()) }
        }
    }

    private let state: Mutex<State>
    /// Held while observers are told, so that whoever removes one can wait until it is told nothing any more.
    private let telling = Mutex(())

    init(cacheSize: Int) {
        self.state = Mutex(State(cache: JournaledCache(memory: cacheSize)))
    }

    // MARK: The cache on disk

    /// How much of a cache on disk is in memory, too, at most.
    private static let maximumMemory = 32 * 1024 * 1024

    /// Takes up the cache at a path, before the first connection. Nothing of it is shown until it has been verified.
    func openCache(at path: String, size: Int, storage: String) async throws {
        let (files, cache) = try await onFileThread {
            try CacheFiles.open(path, limit: size, memory: min(size, Self.maximumMemory), storage: storage)
        }
        self.state.withLock { state in
            state.cache = cache
            state.files = files
        }
    }

    /// Writes down what is still to be written, and lets other clients use the cache on disk.
    func closeCache() async {
        let files = self.state.withLock { state in
            state.cache.dropJournal()
            defer { state.files = nil }
            return state.files
        }
        await files?.flush()
        files?.close()
    }

    /// Reads a record that is on disk; `nil` when it cannot be.
    func read(_ oid: ObjectID, _ tid: TransactionID, _ place: CachePlace) async -> ByteBuffer? {
        guard let files = self.state.withLock({ $0.files }) else { return nil }
        let data = try? await onFileThread { files.read(place) }
        self.state.withLock { $0.cache.read(oid, tid, place, data) }
        return data
    }

    /// Up to where what is known has been told, be it to an earlier run; `nil` when nothing is known.
    var verificationStart: TransactionID? {
        self.state.withLock { $0.last ?? ($0.cache.last == .zero ? nil : $0.cache.last) }
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

    /// What is known of the newest revision of an object that is older than `tid`. Nothing before the first connection,
    /// which may find out that the cache is stale.
    func find(_ oid: ObjectID, before tid: TransactionID) -> ClientCache.Finding? {
        self.state.withLock { $0.last == nil ? nil : $0.cache.find(oid, before: tid) }
    }

    /// What is known of the revision that `serial` wrote of an object.
    func find(_ oid: ObjectID, at serial: TransactionID) -> ClientCache.Finding? {
        self.state.withLock { $0.last == nil ? nil : $0.cache.find(oid, at: serial) }
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
        self.state.withLock { state in
            let isSlow = state.files?.isBehind ?? false
            state.changeCache { $0.store(revision, of: oid, onlyInMemory: isSlow) }
        }
        return revision
    }

    /// Somebody else's transaction has become visible.
    func committed(_ transaction: CommittedTransaction) {
        self.announce(transaction) { state in
            state.changeCache { $0.told(transaction.tid, transaction.oids) }
        }
    }

    /// Our own transaction has become visible. Of objects that the server merged the record is not known.
    func committed(_ transaction: CommittedTransaction, records: [ObjectID: ByteBuffer], merged: Set<ObjectID>) {
        self.announce(transaction) { state in
            let isSlow = state.files?.isBehind ?? false
            state.changeCache { cache in
                cache.told(transaction.tid, transaction.oids)
                for oid in transaction.oids {
                    guard !merged.contains(oid), let data = records[oid] else { continue }
                    let revision = ObjectRevision(data: data, tid: transaction.tid, next: nil)
                    cache.store(revision, of: oid, onlyInMemory: isSlow)
                }
            }
        }
    }

    /// The cached revision of an object has proved not to be the current one.
    func forget(_ oids: [ObjectID]) {
        self.state.withLock { state in
            state.changeCache { $0.forget(oids) }
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
            case .upToDate(let tid): state.changeCache { $0.told(tid, []) }
            case .changed(let tid, let oids): state.changeCache { $0.changed(tid, oids) }
            case .tooOld(let tid): state.changeCache { $0.clear(tid) }
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
