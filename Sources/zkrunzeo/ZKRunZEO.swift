//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

/// The command.
@main
struct ZKRunZEO: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "zkrunzeo",
        abstract: "Serves ZODB storages to ZEO clients, which find the server through ZooKeeper.",
        discussion: """
            Without a subcommand, 'serve' is meant, with the options of Python's runzeo:

              zkrunzeo -C FILE [-X SECTION/KEY=VALUE …]
              zkrunzeo -a ADDRESS -f FILE [-t SECONDS] [--pid-file PATH] [--test]

            'zkrunzeo serve --help' explains them, Documentation/configuration.md the keys of the file.

            \(StopReason.table)
            """,
        version: "0.1.0",
        subcommands: [
            ServeCommand.self, DemoCommand.self, NagiosCommand.self, StatusCommand.self, TreeCommand.self,
            WatchCommand.self, FSCommand.self, PackCommand.self, CopyCommand.self,
        ],
        defaultSubcommand: ServeCommand.self
    )

    static func main() async {
        let program = CommandLine.arguments.first?.split(separator: "/").last
        if program == "zkzeo-nagios" {
            Foundation.exit(await NagiosCommand.runAlone(Array(CommandLine.arguments.dropFirst())))
        }
        await Self.main(LongOptions.completed(Array(CommandLine.arguments.dropFirst())))
    }
}

/// Runs the body of a command; what stops it becomes a sentence on standard error and an exit status.
func withExitStatus(_ body: () async throws -> Void) async throws {
    do {
        try await body()
    } catch let reason as StopReason {
        FileHandle.standardError.write(Data("zkrunzeo: \(reason)\n".utf8))
        throw ExitCode(reason.kind.rawValue)
    }
}
