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
            Unless -C is given, -a and -f are needed. What the command line says wins over the file. The options are \
            those of Python's runzeo, and so are the keys of the file.

            EXAMPLES
              zkrunzeo -C zeo.conf
              zkrunzeo -a 127.0.0.1:8100 -f Data.fs

            SIGNALS
              SIGTERM, SIGINT  take the server out of ZooKeeper, answer what is being committed, stop
              SIGHUP           the same, with exit status 1, so that a supervisor starts the server anew
              SIGUSR2          open the log files anew; files that rotate, rotate; read certificates anew

            ENVIRONMENT
              ZC_ZK_CONNECTION_STRING  where ZooKeeper is, if the file does not say
              ZEO_MSGPACK              not empty: propose MessagePack, if the file has no 'msgpack'
              INSTANCE_HOME            without a pid file: write INSTANCE_HOME/var/ZEO.pid

            \(StopReason.table)
            """
    )

    @Option(
        name: [.customShort("C", allowingJoined: true), .customLong("configure")],
        help: ArgumentHelp("The configuration file.", valueName: "file")
    )
    var configurationFile: String?

    @Option(
        name: .customShort("X", allowingJoined: true),
        help: ArgumentHelp(
            "Another value for a key of the configuration file. May be given several times.",
            valueName: "section/key=value"
        )
    )
    var overrides: [String] = []

    @Option(
        name: [.customShort("a", allowingJoined: true), .long],
        help: ArgumentHelp(
            "Where to listen: PORT, HOST, HOST:PORT, [IPv6]:PORT, or the PATH of a unix socket (with a '/' in it). "
                + "Without a port, or with port 0, the system chooses one.",
            valueName: "address"
        )
    )
    var address: String?

    @Option(
        name: [.customShort("f", allowingJoined: true), .long],
        help: ArgumentHelp(
            "A FileStorage to serve, in place of the file's storages. May be given several times: storages 1, 2, …",
            valueName: "file"
        )
    )
    var filename: [String] = []

    @Option(
        name: [.customShort("t", allowingJoined: true), .long],
        help: ArgumentHelp("How long a client may hold the commit lock. Default: any time.", valueName: "seconds")
    )
    var timeout: Double?

    @Option(help: ArgumentHelp("Where to write the number of this process.", valueName: "path"))
    var pidFile: String?

    @Flag(help: "Stop as soon as the server listens: to try a configuration, without ZooKeeper.")
    var test = false

    func run() async throws {
        try await withExitStatus {
            try await Assembly(try self.runConfiguration()).run()
        }
    }
}
