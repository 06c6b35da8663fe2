//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

/// The command.
@main
struct ZKRunZEO: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "zkrunzeo",
        abstract: "Serves ZODB storages to ZEO clients, which find the server through ZooKeeper.",
        discussion: StopReason.table,
        version: Self.version
    )
}
