//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// What a ZooKeeper server answers in the `err` field of a reply, with the numbers of the protocol.
enum ZooKeeperCode: Int32, Error, Equatable {
    case ok = 0
    case runtimeInconsistency = -2
    case marshallingError = -5
    case unimplemented = -6
    case badArguments = -8
    case noNode = -101
    case noAuth = -102
    case badVersion = -103
    case noChildrenForEphemerals = -108
    case nodeExists = -110
    case notEmpty = -111
    case sessionExpired = -112
    case invalidACL = -114
    case authFailed = -115
    case noWatcher = -121
    case reconfigDisabled = -123
}
