//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Metrics
public import NIOCore
import ZEOProtocol
public import ZODBFormat
public import ZODBStorage

extension ClientStorage {
    /// The newest revision of an object that is older than `tid`, from memory or from the server.
    public func load(_ oid: ObjectID, before tid: TransactionID) async throws -> ObjectRevision? {
        switch self.view.find(oid, before: tid) {
        case .inMemory(let revision):
            self.metrics.hits.increment()
            return revision
        case .onDisk(let serial, let next, let place):
            if let data = await self.view.read(oid, serial, place) {
                self.metrics.diskHits.increment()
                return ObjectRevision(data: data, tid: serial, next: next)
            }
        case nil: break
        }
        let revision = try await self.withConnection { try await $0.load(oid, before: tid) }
        self.metrics.missed(revision)
        return revision
    }

    /// Loads revisions that are likely to be wanted soon, many at a time, and keeps them in the cache. Objects that do not
    /// exist are passed over.
    public func prefetch(_ oids: some Sequence<ObjectID>, before tid: TransactionID = .max) async throws {
        /// How many calls are under way at once.
        let width = 64
        try await withThrowingTaskGroup(of: Void.self) { group in
            var count = 0
            for oid in oids where self.view.find(oid, before: tid) == nil {
                count += 1
                if count > width { try await group.next() }
                group.addTask {
                    do {
                        self.metrics.missed(try await self.connection().load(oid, before: tid))
                    } catch let error as StorageError where error.code == .noSuchObject {
                        // Whoever loads it will see.
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// The record that the transaction `serial` wrote for an object, from memory or from the server.
    public func load(_ oid: ObjectID, at serial: TransactionID) async throws -> ByteBuffer {
        switch self.view.find(oid, at: serial) {
        case .inMemory(let revision):
            self.metrics.hits.increment()
            return revision.data
        case .onDisk(_, _, let place):
            if let data = await self.view.read(oid, serial, place) {
                self.metrics.diskHits.increment()
                return data
            }
        case nil: break
        }
        let record = try await self.call(.loadSerial(oid, serial)) { try $0.record() }
        return ByteBuffer(bytes: record.readableBytesView)
    }

    /// The tid of the newest revision of an object that is older than `tid`.
    public func serial(of oid: ObjectID, before tid: TransactionID) async throws -> TransactionID? {
        try await self.load(oid, before: tid)?.tid
    }

    /// Reserves identifiers for new objects, some of them in advance.
    public func newObjectIDs(_ count: Int) async throws -> [ObjectID] {
        while true {
            if let oids = self.view.takeOIDs(count) { return oids }
            let oids = try await self.call(.newObjectIDs(100)) { reply in
                let oids = try reply.objectIDs()
                guard !oids.isEmpty else { throw FormatError("reply", "new_oids was answered without any") }
                return oids
            }
            self.view.add(oids)
        }
    }

    /// What has changed after `tid`, as one transaction that stands for all. Throws `StorageError.unsupported` when the
    /// server cannot tell, because it does not remember so far back.
    ///
    /// A server that hands these on tells its own clients too much rather than too little.
    public func recentTransactions(after tid: TransactionID, limit: Int) async throws -> [CommittedTransaction] {
        guard let (last, oids) = try await self.call(.getInvalidations(after: tid), { try $0.invalidations() }) else {
            throw StorageError(.unsupported, "the server cannot tell what has changed after \(tid)")
        }
        return limit > 0 && last > tid ? [CommittedTransaction(tid: last, oids: oids)] : []
    }

    /// Reads a reply. One that makes no sense costs the server its connection.
    func read<Result>(_ reply: Reply, on connection: ZEOConnection, _ body: (Reply) throws -> Result) throws -> Result {
        do {
            return try body(reply)
        } catch let exception as RemoteException {
            throw StorageError(remote: exception)
        } catch {
            let error = StorageError(.disconnected, "the server's answer makes no sense", underlyingError: error)
            connection.close(error)
            throw error
        }
    }
}
