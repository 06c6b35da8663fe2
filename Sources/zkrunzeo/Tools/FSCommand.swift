//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// `zkrunzeo fs …`: what is done to data files without opening them as storages.
struct FSCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fs",
        abstract: "Check, dump, index and recover data files.",
        discussion: ToolStatus.table,
        subcommands: [FSCheckCommand.self, FSDumpCommand.self, FSIndexCommand.self, FSRecoverCommand.self]
    )
}
