//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Whatever goes out on a connection.
enum Outgoing: Equatable {
    case welcome(Welcome)
    case reply(Reply)
    case event(WatchEvent)
}

/// The answer to a client's greeting; a session id of 0 says that the session is no more.
struct Welcome: Equatable {
    var timeout: Int32
    var sessionID: Int64
    var password: [UInt8]
    var hasReadOnlyByte: Bool
}

/// The answer to a request.
struct Reply: Equatable {
    var xid: Int32
    var zxid: Int64
    var code: ZooKeeperCode = .ok
    var body = Body.none

    enum Body: Equatable {
        case none
        case path(String)
        case pathAndStat(String, ZNodeStat)
        case stat(ZNodeStat)
        case data([UInt8]?, ZNodeStat)
        case children([String])
        case childrenAndStat([String], ZNodeStat)
        case acl([ACLEntry], ZNodeStat)
        case count(Int32)
        case strings([String])
        case identities([Identity])
        case results([Result])
        /// Once more a code, as `addWatch` answers.
        case code(ZooKeeperCode)
    }

    /// What one operation of several came to.
    enum Result: Equatable {
        case created(String)
        case createdWithStat(String, ZNodeStat)
        case deleted
        case changed(ZNodeStat)
        case checked
        case data([UInt8]?, ZNodeStat)
        case children([String])
        case failed(ZooKeeperCode)
    }
}

/// News of a watched node.
struct WatchEvent: Equatable {
    enum Kind: Int32 {
        case created = 1
        case deleted = 2
        case dataChanged = 3
        case childrenChanged = 4
    }

    var kind: Kind
    var path: ZNodePath
}
