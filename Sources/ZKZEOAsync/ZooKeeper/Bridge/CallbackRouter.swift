//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

internal import CZooKeeper
import Synchronization

/// The only code that libzookeeper calls: it copies what it is given and puts it into the inbox of the handle that the
/// token names. It runs on libzookeeper's threads, decides nothing and never calls back.
enum CallbackRouter {
    typealias Inbox = AsyncStream<HandleEvent>

    private struct Table {
        var lastSlot: UInt32 = 0
        var inboxes: [UInt32: Inbox.Continuation] = [:]
        /// How much each handle's owner wants to hear of libzookeeper's log; the library has one level for the process.
        var logLevels: [UInt32: ZKLogLine.Level] = [:]
    }

    /// Process-wide, because a C callback brings nothing but its token.
    private static let table = Mutex(Table())

    /// Makes the inbox of a new handle.
    static func open(logLevel: ZKLogLine.Level) -> (slot: UInt32, inbox: Inbox, continuation: Inbox.Continuation) {
        let (inbox, continuation) = Inbox.makeStream()
        let slot = Self.table.withLock { table in
            precondition(table.lastSlot < .max, "a process cannot have more than four billion ZooKeeper handles")
            table.lastSlot += 1
            table.inboxes[table.lastSlot] = continuation
            table.logLevels[table.lastSlot] = logLevel
            zkzeo_set_log_level(table.logLevels.values.max()?.rawValue ?? 0)
            return table.lastSlot
        }
        return (slot, inbox, continuation)
    }

    /// Ends an inbox with `.closed`. To be called when no thread of the handle is left.
    static func close(slot: UInt32) {
        let inbox = Self.table.withLock { table in
            table.logLevels[slot] = nil
            zkzeo_set_log_level(table.logLevels.values.max()?.rawValue ?? 0)
            return table.inboxes.removeValue(forKey: slot)
        }
        inbox?.yield(.closed)
        inbox?.finish()
    }

    /// Puts an event into the inbox of a handle, if there still is one.
    static func deliver(_ event: HandleEvent, to slot: UInt32) {
        let inbox = Self.table.withLock { $0.inboxes[slot] }
        inbox?.yield(event)
    }

    static func deliver(_ code: Int32, _ reply: HandleEvent.Reply, to pointer: UnsafeRawPointer?) {
        let token = unsafe CallbackToken(pointer)
        Self.deliver(.completed(id: token.id, code: code, reply), to: token.slot)
    }

    /// Log lines come without a token, so the handle that was opened last and wants to hear them gets them.
    static func deliver(_ line: ZKLogLine) {
        let inbox = Self.table.withLock { table in
            table.logLevels.filter { $0.value >= line.level }.keys.max().flatMap { table.inboxes[$0] }
        }
        inbox?.yield(.log(line))
    }
}
