//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Where a client gets the addresses of its servers from.
enum AddressSource: Sendable {
    /// They do not change.
    case fixed([ServerAddress])
    /// The nodes below a path of ZooKeeper say them.
    case zooKeeper(ZooKeeperAddresses)
}
