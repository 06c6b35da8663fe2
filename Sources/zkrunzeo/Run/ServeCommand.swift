//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// `zkrunzeo -C FILE`: serves until it is told to stop.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve storages (the default).",
        discussion: """
            Unless -C is given, -a and -f are needed. What the command line says wins over the file.

            EXAMPLES
              zkrunzeo -C zeo.conf
              zkrunzeo -a 127.0.0.1:8100 -f Data.fs

            \(StopReason.table)
            """
    )

    @Option(
        name: [.customShort("C"), .customLong("configure")],
        help: ArgumentHelp("The configuration file.", valueName: "file")
    )
    var configurationFile: String?

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "Where to listen: PORT, HOST, HOST:PORT, [IPv6]:PORT, or the PATH of a unix socket (with a '/' in it). "
                + "Without a port, or with port 0, the system chooses one.",
            valueName: "address"
        )
    )
    var address: String?

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "A FileStorage to serve, in place of the file's storages. May be given several times: storages 1, 2, …",
            valueName: "file"
        )
    )
    var filename: [String] = []

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("How long a client may hold the commit lock. Default: any time.", valueName: "seconds")
    )
    var timeout: Double?

    @Option(help: ArgumentHelp("Where to write the number of this process.", valueName: "path"))
    var pidFile: String?

    func run() async throws {
        try await withExitStatus {
            try await Assembly(try self.runConfiguration()).run()
        }
    }
}
