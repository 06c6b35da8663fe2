//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import ZEOProtocol
import ZODBFormat
import ZODBStorage

@testable import ZKZEOAsync

/// Servers that are broken, or are no servers at all: each ends in a clear error, and harms nobody.
@Suite(.timeLimit(.minutes(1))) struct HostileServerTests {
    struct Fault: CustomTestStringConvertible, Sendable {
        var testDescription: String
        /// What the error must speak of.
        var says: String
        var script: @Sendable (ScriptedServer.Heard) -> [ScriptedServer.Said]
    }

    private static let nonsense = Array("nonsense".utf8)

    static let faultsBeforeWork: [Fault] = [
        Fault(testDescription: "closes at once", says: "the connection to the server was lost") { _ in [.end] },
        Fault(testDescription: "says nothing", says: "did not say a word") { _ in [] },
        Fault(testDescription: "speaks HTTP", says: "frame: 1213486160 bytes are announced") { _ in
            [.bytes(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8))]
        },
        Fault(testDescription: "speaks version 4", says: "greeting: 'Z4' is none of") { _ in [.frame(Array("Z4".utf8))]
        },
        Fault(testDescription: "greets with nothing", says: "greeting") { _ in [.frame([])] },
        Fault(testDescription: "is a monitor", says: "greets like a monitor") { _ in [.frame(Array("ruok".utf8))] },
        Fault(testDescription: "greets twice", says: "pickle") { heard in
            if case .connection = heard { [.frame(Array("Z5".utf8)), .frame(Array("Z5".utf8))] } else { [] }
        },
        Fault(testDescription: "stops in the middle of a frame", says: "lost") { heard in
            if case .connection = heard { [.frame(Array("Z5".utf8))] } else { [.bytes([0, 0, 1, 0, 7, 7]), .end] }
        },
        Fault(testDescription: "announces 4 GB", says: "4294967295 bytes are announced") { heard in
            if case .connection = heard { [.frame(Array("Z5".utf8))] } else { [.bytes([255, 255, 255, 255])] }
        },
        Fault(testDescription: "answers the registration with nonsense", says: "pickle") { heard in
            if case .call = heard { [.frame(nonsense)] } else { ScriptedServer.soundly(heard) }
        },
        Fault(testDescription: "answers the registration with text", says: "no transaction") { heard in
            if case .call(let id, _) = heard {
                [.message(.reply(id, .value(.string("yes"))))]
            } else {
                ScriptedServer.soundly(heard)
            }
        },
        Fault(testDescription: "answers another call", says: "before the answer to register") { heard in
            if case .call = heard { [.message(.reply(.number(99), .none))] } else { ScriptedServer.soundly(heard) }
        },
        Fault(testDescription: "knows no such storage", says: "builtins.ValueError") { heard in
            if case .call(let id, _) = heard {
                [.message(.reply(id, .exception(RemoteException("builtins.ValueError", .string("unknown storage")))))]
            } else {
                ScriptedServer.soundly(heard)
            }
        },
        Fault(testDescription: "says nothing about its storage", says: "facts about a storage") { heard in
            if case .call(let id, .getInfo) = heard {
                [.message(.reply(id, .none))]
            } else {
                ScriptedServer.soundly(heard)
            }
        },
    ]

    @Test(arguments: faultsBeforeWork)
    func aServerThatIsNoneIsRefusedWithAReason(_ fault: Fault) async throws {
        let server = try await ScriptedServer(fault.script)
        var options = ClientOptions()
        options.waitTimeout = .seconds(4)
        // Short for the silent one only: on a busy machine it would be told of the others, too.
        if fault.says == "did not say a word" { options.connectTimeout = .milliseconds(400) }
        let error = await #expect(throws: StorageError.self) {
            _ = try await ClientStorage.open(addresses: [server.address], options: options)
        }
        #expect(error?.code == .disconnected)
        #expect(error.map { "\($0)" }?.contains(fault.says) == true, "\(error.map { "\($0)" } ?? "no error")")
        try await server.stop()
    }

    static let faultsAtWork: [Fault] = [
        Fault(testDescription: "nonsense", says: "pickle") { _ in [.frame(nonsense)] },
        Fault(testDescription: "an endless length", says: "bytes are announced") { _ in [.bytes([0x7f, 255, 255, 255])]
        },
        Fault(testDescription: "an answer to nobody", says: "call that was not made") { _ in
            [.message(.reply(.number(4711), .none))]
        },
        Fault(testDescription: "a call that no client has", says: "os.system") { _ in
            [.message(.call(.other(method: "os.system", arguments: [.string("true")])))]
        },
        Fault(testDescription: "an invalidation of nothing", says: "invalidateTransaction") { _ in
            [.message(.call(.other(method: "invalidateTransaction", arguments: [.int(1)])))]
        },
        Fault(testDescription: "a revision that is none", says: "a revision was expected") { heard in
            if case .call(let id, _) = heard { [.message(.reply(id, .value(.int(3))))] } else { [] }
        },
        Fault(testDescription: "the end", says: "lost") { _ in [.end] },
    ]

    @Test(arguments: faultsAtWork)
    func aFaultWhileALoadIsUnderWayFailsTheLoadAndTheConnectionIsMadeAnew(_ fault: Fault) async throws {
        let loads = Shared(0)
        let server = try await ScriptedServer { heard in
            if case .call(_, .loadBefore) = heard {
                loads.change { $0 += 1 }
                if loads.value == 1 { return fault.script(heard) }
            }
            return ScriptedServer.soundly(heard)
        }
        let storage = try await ClientStorage.open(addresses: [server.address])
        let error = await #expect(throws: StorageError.self) { _ = try await storage.load(.root, before: .max) }
        #expect(error?.code == .disconnected)
        #expect(error.map { "\($0)" }?.contains(fault.says) == true, "\(error.map { "\($0)" } ?? "no error")")
        // A load that comes before the connection has ended may still fail with it.
        try await eventually("a new connection answers") {
            do {
                _ = try await storage.load(.root, before: .max)
                return false
            } catch let error as StorageError where error.code == .disconnected {
                return false
            } catch let error as StorageError {
                return error.code == .noSuchObject
            }
        }
        try await storage.close()
        try await server.stop()
    }

    @Test func aSoundServerIsFoundAmongBrokenOnes() async throws {
        let broken = try await ScriptedServer { _ in [.frame(Self.nonsense)] }
        let silent = try await ScriptedServer { _ in [] }
        let sound = try await ScriptedServer(ScriptedServer.soundly)
        let storage = try await ClientStorage.open(addresses: [broken.address, silent.address, sound.address])
        #expect(try await storage.lastTransaction() == TransactionID(rawValue: 5))
        #expect(storage.traits.name == "scripted")
        try await storage.close()
        for server in [broken, silent, sound] { try await server.stop() }
    }

    @Test func aServerThatDoesNotKnowPingIsAskedForItsLastTransaction() async throws {
        let pings = Shared(0)
        let others = Shared(0)
        let server = try await ScriptedServer { heard in
            switch heard {
            case .call(_, .ping):
                pings.change { $0 += 1 }
                return [.end]
            case .call(_, .lastTransaction): others.change { $0 += 1 }
            default: break
            }
            return ScriptedServer.soundly(heard)
        }
        var options = ClientOptions()
        options.heartbeatInterval = .milliseconds(300)
        let storage = try await ClientStorage.open(addresses: [server.address], options: options)
        try await eventually("it is asked so several times") { others.value >= 3 }
        #expect(pings.value == 1)
        try await storage.close()
        try await server.stop()
    }

    @Test func aServerThatFallsSilentDuringTheVerificationIsLeft() async throws {
        let connections = Shared(0)
        let server = try await ScriptedServer { heard in
            if case .connection = heard { connections.change { $0 += 1 } }
            if case .call(_, let call) = heard, connections.value == 1, call == .getInfo || call == .ping { return [] }
            return ScriptedServer.soundly(heard)
        }
        var options = ClientOptions()
        options.heartbeatInterval = .milliseconds(300)
        let storage = try await ClientStorage.open(addresses: [server.address], options: options)
        #expect(connections.value > 1)
        try await storage.close()
        try await server.stop()
    }

    @Test func invalidationsThatArriveDuringTheVerificationAreFollowedInOrder() async throws {
        let oid = ObjectID(rawValue: 7)
        let connections = Shared(0)
        let server = try await ScriptedServer { heard in
            switch heard {
            case .connection: connections.change { $0 += 1 }
            case .call(let id, .register) where connections.value == 2:
                return [
                    .message(.reply(id, .tid(TransactionID(rawValue: 8)))),
                    .message(.call(.invalidateTransaction(TransactionID(rawValue: 9), [oid]))),
                ]
            case .call(let id, .getInvalidations):
                return [
                    .message(.reply(id, .invalidations(TransactionID(rawValue: 9), [oid]))),
                    .message(.call(.invalidateTransaction(TransactionID(rawValue: 11), [oid]))),
                ]
            case .call(let id, .loadBefore):
                let revision = LoadedRevision(data: ByteBuffer(string: "x"), tid: TransactionID(rawValue: 4), next: nil)
                return [.message(.reply(id, .revision(revision)))]
            case .call(_, .loadSerial): return [.end]
            default: break
            }
            return ScriptedServer.soundly(heard)
        }
        let storage = try await ClientStorage.open(addresses: [server.address])
        let observer = ClientObserver()
        #expect(try await storage.addObserver(observer) == TransactionID(rawValue: 5))
        #expect(try await storage.load(oid, before: .max)?.tid == TransactionID(rawValue: 4))
        await #expect(throws: StorageError.self) { _ = try await storage.load(oid, at: TransactionID(rawValue: 1)) }
        try await eventually("both are heard of") { observer.heard.value.count >= 2 }
        #expect(
            observer.heard.value == [
                CommittedTransaction(tid: TransactionID(rawValue: 9), oids: [oid]),
                CommittedTransaction(tid: TransactionID(rawValue: 11), oids: [oid]),
            ]
        )
        #expect(storage.view.find(oid, before: .max) == nil)
        #expect(try await storage.lastTransaction() == TransactionID(rawValue: 11))
        try await storage.close()
        try await server.stop()
    }

    @Test func aClientThatWasAwayTooLongForgetsEverythingAndSaysSo() async throws {
        let connections = Shared(0)
        let server = try await ScriptedServer { heard in
            switch heard {
            case .connection: connections.change { $0 += 1 }
            case .call(let id, .register) where connections.value == 2:
                return [.message(.reply(id, .tid(TransactionID(rawValue: 100))))]
            case .call(let id, .getInvalidations): return [.message(.reply(id, .none))]
            case .call(let id, .loadBefore):
                let revision = LoadedRevision(data: ByteBuffer(string: "x"), tid: TransactionID(rawValue: 4), next: nil)
                return [.message(.reply(id, .revision(revision)))]
            case .call(_, .loadSerial): return [.end]
            default: break
            }
            return ScriptedServer.soundly(heard)
        }
        let storage = try await ClientStorage.open(addresses: [server.address])
        let observer = ClientObserver()
        _ = try await storage.addObserver(observer)
        _ = try await storage.load(.root, before: .max)
        #expect(storage.view.find(.root, before: .max) != nil)
        await #expect(throws: StorageError.self) { _ = try await storage.load(.root, at: TransactionID(rawValue: 1)) }
        try await eventually("the observer hears of it") { observer.lost.value == [TransactionID(rawValue: 100)] }
        #expect(storage.view.find(.root, before: .max) == nil)
        #expect(observer.heard.value.isEmpty)
        try await storage.close()
        try await server.stop()
    }
}

/// Remembers what a storage has told it.
private final class ClientObserver: StorageObserver {
    let heard = Shared<[CommittedTransaction]>([])
    let lost = Shared<[TransactionID]>([])

    func storageDidCommit(_ transaction: CommittedTransaction) { self.heard.change { $0.append(transaction) } }

    func storageDidLoseTrack(now tid: TransactionID) { self.lost.change { $0.append(tid) } }
}
