//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization
import ZODBStorage

/// Where calls find the connection that works, and wait for one when there is none.
///
/// Guarded by `state`; slots are completed after it has been unlocked.
final class ConnectionGate: Sendable {
    private struct State {
        var connection: ZEOConnection?
        var waiting: [UInt64: CallSlot<ZEOConnection>] = [:]
        var lastNumber: UInt64 = 0
        var isShut = false
        /// Why there is no connection, as far as that is known.
        var reason: (any Error)?
    }

    private let state = Mutex(State())
    private let eventLoop: any EventLoop

    init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// The connection that works just now.
    var current: ZEOConnection? { self.state.withLock { $0.connection } }

    /// The connection that works, after waiting for it.
    ///
    /// Throws `StorageError.disconnected` when there is none in time, `.closed` once the gate is shut.
    func connection(within limit: Duration) async throws -> ZEOConnection {
        enum Found {
            case connection(ZEOConnection)
            case wait(UInt64, CallSlot<ZEOConnection>)
            case shut
        }
        let found = self.state.withLock { state -> Found in
            if state.isShut { return .shut }
            if let connection = state.connection { return .connection(connection) }
            state.lastNumber += 1
            let slot = CallSlot<ZEOConnection>()
            state.waiting[state.lastNumber] = slot
            return .wait(state.lastNumber, slot)
        }
        switch found {
        case .connection(let connection): return connection
        case .shut: throw Self.closed
        case .wait(let number, let slot):
            let timeout = self.eventLoop.scheduleTask(in: TimeAmount(limit)) {
                let reason = self.state.withLock { $0.reason }
                slot.complete(
                    .failure(StorageError(.disconnected, "no server within \(limit)", underlyingError: reason))
                )
            }
            defer {
                timeout.cancel()
                self.state.withLock { _ = $0.waiting.removeValue(forKey: number) }
            }
            return try await slot.value()
        }
    }

    func open(_ connection: ZEOConnection) {
        let waiting = self.state.withLock { state in
            state.connection = connection
            state.reason = nil
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for slot in waiting { slot.complete(.success(connection)) }
    }

    /// The connection is gone; another one may have taken its place already.
    func lost(_ connection: ZEOConnection, _ reason: (any Error)?) {
        self.state.withLock { state in
            guard state.connection === connection else { return }
            state.connection = nil
            state.reason = reason
        }
    }

    /// Notes why there is still no connection.
    func failed(_ reason: any Error) {
        self.state.withLock { if $0.connection == nil { $0.reason = reason } }
    }

    /// There will be no connection any more.
    func shut() {
        let waiting = self.state.withLock { state in
            state.isShut = true
            state.connection = nil
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for slot in waiting { slot.complete(.failure(Self.closed)) }
    }

    private static let closed = StorageError(.closed, "the client has been closed")
}
