//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Testing

@Test func zooKeeperStarts() async throws {
    let zooKeeper = try await RealZooKeeper()
    #expect(fourLetterWord("srvr", port: zooKeeper.port).contains("Zookeeper version: 3."))
    #expect(try await runPython("peers.py").contains("ZEO"))
    try await zooKeeper.stop()
}
