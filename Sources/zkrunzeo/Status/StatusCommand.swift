//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import ZKZEOAsync

/// `zkrunzeo status`: how servers are.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show how a server is, or all that are registered at a path.",
        usage: """
            zkrunzeo status [options] ADDRESS
            zkrunzeo status [options] ZOOKEEPER PATH
            """,
        discussion: """
            ADDRESS is HOST:PORT, [IPv6]:PORT, or the path of a unix socket; the server may be Python's. On a terminal the \
            table is renewed until Ctrl-C; elsewhere, with --once and with --json it is printed once.

            EXIT STATUS
              0   every server has answered
              64  the command line cannot be understood
              69  ZooKeeper or a server is out of reach, or nobody is registered
            """
    )

    @Flag(help: "Print JSON: the servers' answers, by address.")
    var json = false

    @Flag(help: "Print the table once.")
    var once = false

    @Option(help: ArgumentHelp("How often the table is renewed.", valueName: "seconds"))
    var interval = 2.0

    @Argument(help: ArgumentHelp("ADDRESS, or ZOOKEEPER and PATH.", valueName: "server"))
    var server: [String]

    func validate() throws {
        guard (1...2).contains(self.server.count) else {
            throw ValidationError("give a server's address, or a ZooKeeper connection string and a path")
        }
        guard (0.1...86_400).contains(self.interval) else {
            throw ValidationError("--interval is a number of seconds from 0.1 to 86400")
        }
    }

    func run() async throws {
        try await withExitStatus {
            if self.json || self.once || isatty(STDOUT_FILENO) == 0 {
                try await self.printOnce()
            } else {
                try await self.printUntilStopped()
            }
        }
    }

    private func printOnce() async throws {
        let answers = await Self.ask(try await self.addresses())
        Self.write(self.json ? try StatusTable.json(answers) : StatusTable(answers).text)
        let failures = answers.filter { if case .failure = $0.health { true } else { false } }
        if let first = failures.first, case .failure(let failure) = first.health {
            throw StopReason(.zooKeeper, "\(first.address) does not answer: \(failure)")
        }
    }

    private func printUntilStopped() async throws {
        let addresses = try await self.addresses()
        let interval = Duration.seconds(self.interval)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await CommandStop().wait() }
            group.addTask {
                var counters: StatusTable.Counters?
                while true {
                    let table = StatusTable(await Self.ask(addresses), since: counters)
                    counters = table.counters
                    // To the upper left corner, and away with what was there.
                    Self.write("\u{1b}[H\u{1b}[2J" + table.text)
                    try await Task.sleep(for: interval)
                }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func addresses() async throws -> [String] {
        guard self.server.count == 2 else { return [self.server[0]] }
        let (connection, path) = (self.server[0], self.server[1])
        let names = try await CommandSession.with(connection) { session in
            try await CommandSession.explaining(path, connection) {
                try await session.children(try await Links.resolve(path, in: session)).names
            }
        }
        let addresses = AddressSet(names: names).addresses.map(\.description)
        guard !addresses.isEmpty else {
            throw StopReason(.zooKeeper, "no server is registered at \(path) in ZooKeeper (\(connection))")
        }
        return addresses
    }

    private static func ask(_ addresses: [String]) async -> [StatusTable.Answer] {
        await withTaskGroup(of: (Int, StatusTable.Answer).self) { group in
            for (index, address) in addresses.enumerated() {
                group.addTask {
                    do {
                        let health = try await ServerHealth.ask(PeerAddress(address), within: .seconds(5))
                        return (index, .init(address: address, health: .success(health)))
                    } catch {
                        return (index, .init(address: address, health: .failure(PeerFailure(error))))
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    private static func write(_ text: String) {
        try? FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
    }
}
