//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Everything that libzookeeper tells about one handle, in the order in which it told it.
enum HandleEvent: Sendable {
    /// The state of the connection changed.
    case session(state: Int32, identity: SessionIdentity, timeout: Duration)
    /// A watch fired.
    case watch(id: UInt32, ZooKeeperWatch.Event)
    /// A request was answered, or failed.
    case completed(id: UInt32, code: Int32, Reply)
    /// A line of libzookeeper's log.
    case log(ZKLogLine)
    /// Somebody wants the session to end. The one event that does not come from libzookeeper; it is in the same queue so
    /// that one consumer sees one order.
    case stopRequested
    /// The handle is gone. Nothing follows.
    case closed

    /// What an answer carries besides its code, copied out of the library's memory.
    enum Reply: Sendable {
        case nothing
        case path(String, ZNodeStat?)
        case stat(ZNodeStat)
        case data([UInt8]?, ZNodeStat)
        case children([String], ZNodeStat)
        case acl([ZNodeACL], ZNodeStat)
    }
}
