//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import ZEOProtocol
import ZODBFormat
import ZODBStorage

/// What a client wants to know from the storage itself.
enum StorageRead: Sendable {
    case loadBefore(ObjectID, TransactionID)
    case loadSerial(ObjectID, TransactionID)
    case getTid(ObjectID)
    case newObjectIDs(Int)
    case newObjectID
    case information

    /// The object that the question is about.
    var oid: ObjectID? {
        switch self {
        case .loadBefore(let oid, _), .loadSerial(let oid, _), .getTid(let oid): oid
        case .newObjectIDs, .newObjectID, .information: nil
        }
    }
}

/// What a storage knew.
enum StorageFinding: Sendable {
    case revision(ObjectRevision?)
    case record(ByteBuffer)
    case serial(TransactionID?)
    case objectIDs([ObjectID])
    case objectID(ObjectID)
    case statistics(StorageStatistics)
}

// Reading: at once from a storage in this process, in a task from any other. Either way the client sees the storage as
// of the last transaction that it has been told of.
extension ConnectionHandler {
    func read(_ read: StorageRead, for message: ClientMessage) {
        guard let registration = self.registration else { return }
        let seen = registration.seen
        if let local = registration.served.local {
            do {
                self.answer(message, self.reply(to: read, try Self.find(read, in: local, asOf: seen), asOf: seen))
            } catch {
                self.fail(message, RemoteException(error, oid: read.oid))
            }
            return
        }
        let storage = registration.served.storage
        let bound = self.bound
        self.server.tasks.start {
            let result: Result<StorageFinding, any Error>
            do {
                result = .success(try await Self.find(read, in: storage, asOf: seen))
            } catch {
                result = .failure(error)
            }
            bound.execute { handler in
                switch result {
                case .success(let finding):
                    let reply = handler.reply(to: read, finding, asOf: seen)
                    if case .revision = finding, handler.hasForgotten(since: seen) {
                        // Nobody knows any more whether this is still the current revision.
                        handler.read(read, for: message)
                    } else {
                        handler.answer(message, reply)
                    }
                case .failure(let error):
                    handler.fail(message, RemoteException(error, oid: read.oid))
                }
                handler.flushUnlessReading()
            }
        }
    }

    /// Whether the client has been told of transactions after `seen` that the log has forgotten since.
    private func hasForgotten(since seen: TransactionID) -> Bool {
        guard let registration = self.registration, registration.seen > seen else { return false }
        return !registration.served.log.reachesBack(to: seen)
    }

    /// The answer, from what the storage knew when the client had seen `seen`.
    private func reply(to read: StorageRead, _ finding: StorageFinding, asOf seen: TransactionID) -> Reply {
        guard let registration = self.registration else { return .none }
        switch finding {
        case .revision(nil):
            return .none
        case .revision(.some(let revision)):
            // Of a successor that the client has not been told of it must not know. One that it has been told of while
            // the storage was asked, it must: or it would take this revision for the current one.
            var next = revision.next.flatMap { $0 > registration.seen ? nil : $0 }
            if next == nil, registration.seen > seen, let oid = read.oid {
                next = registration.served.log.firstChange(of: oid, after: seen, through: registration.seen)
            }
            return .revision(LoadedRevision(data: revision.data, tid: revision.tid, next: next))
        case .record(let data):
            return .data(data)
        case .serial(let tid):
            guard let tid else { return read.oid.map { .exception(.posKeyError($0)) } ?? .none }
            return .tid(tid)
        case .objectIDs(let oids):
            return .objectIDs(oids)
        case .objectID(let oid):
            return .objectID(oid)
        case .statistics(let statistics):
            return registration.served.information(statistics).reply
        }
    }

    private static func find(
        _ read: StorageRead,
        in storage: any LocalStorage,
        asOf seen: TransactionID
    ) throws -> StorageFinding {
        switch read {
        case .loadBefore(let oid, let tid):
            return .revision(try storage.load(oid, before: min(tid, seen.successor)))
        case .loadSerial(let oid, let serial):
            return .record(try storage.load(oid, at: try Self.visible(oid, serial, asOf: seen)))
        case .getTid(let oid):
            return .serial(try storage.serial(of: oid, before: seen.successor))
        case .newObjectIDs(let count):
            return .objectIDs(try storage.newObjectIDs(count))
        case .newObjectID:
            return .objectID(try Self.one(storage.newObjectIDs(1)))
        case .information:
            return .statistics(try storage.statistics())
        }
    }

    private static func find(
        _ read: StorageRead,
        in storage: any Storage,
        asOf seen: TransactionID
    ) async throws -> StorageFinding {
        switch read {
        case .loadBefore(let oid, let tid):
            return .revision(try await storage.load(oid, before: min(tid, seen.successor)))
        case .loadSerial(let oid, let serial):
            return .record(try await storage.load(oid, at: try Self.visible(oid, serial, asOf: seen)))
        case .getTid(let oid):
            return .serial(try await storage.serial(of: oid, before: seen.successor))
        case .newObjectIDs(let count):
            return .objectIDs(try await storage.newObjectIDs(count))
        case .newObjectID:
            return .objectID(try Self.one(try await storage.newObjectIDs(1)))
        case .information:
            return .statistics(try await storage.statistics())
        }
    }

    /// The serial, when the client may know of it.
    private static func visible(
        _ oid: ObjectID,
        _ serial: TransactionID,
        asOf seen: TransactionID
    ) throws -> TransactionID {
        guard serial <= seen else {
            throw StorageError(.noSuchObject, "\(oid) has no revision \(serial) yet", oid: oid)
        }
        return serial
    }

    private static func one(_ oids: [ObjectID]) throws -> ObjectID {
        guard let oid = oids.first else { throw StorageError(.unsupported, "the storage makes no new objects") }
        return oid
    }
}

extension NIOLoopBound<ConnectionHandler> {
    /// Runs `body` with the handler on its event loop.
    func execute(_ body: @escaping @Sendable (ConnectionHandler) -> Void) {
        self.eventLoop.execute { body(self.value) }
    }
}
