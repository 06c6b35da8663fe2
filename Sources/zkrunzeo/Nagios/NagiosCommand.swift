//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import ZKZEOAsync

/// `zkrunzeo nagios`, also `zkzeo-nagios`: the Nagios plug-in.
struct NagiosCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nagios",
        abstract: "Check a server for Nagios, as zkzeo-nagios and zeo-nagios do.",
        usage: """
            zkrunzeo nagios [options] ZOOKEEPER PATH
            zkrunzeo nagios [options] ADDRESS
            """,
        discussion: """
            Looks up the server that is registered at PATH, or asks the one at ADDRESS (HOST:PORT, [IPv6]:PORT, or the \
            path of a unix socket). Started by the name zkzeo-nagios, the program is this command.

            EXIT STATUS
              0   fine
              1   warning: a storage is empty, or there is none
              2   critical: the server cannot be found or reached
              3   unknown
            """
    )

    /// The units in which rates are expressed.
    enum TimeUnit: String, ExpressibleByArgument, CaseIterable {
        case seconds, minutes, hours, days

        var seconds: Double {
            switch self {
            case .seconds: 1
            case .minutes: 60
            case .hours: 3600
            case .days: 86400
            }
        }
    }

    @Flag(name: [.customShort("m"), .long], help: "Print performance data, too.")
    var outputMetrics = false

    @Option(
        name: [.customShort("s", allowingJoined: true), .long],
        help: ArgumentHelp("Where to keep the counters until the next run: rates need it.", valueName: "file")
    )
    var statusPath: String?

    @Option(
        name: [.customShort("u", allowingJoined: true), .long],
        help: ArgumentHelp("The unit of time of rates: seconds, minutes, hours or days.", valueName: "unit")
    )
    var timeUnits = TimeUnit.minutes

    @Option(
        name: [.customShort("M", allowingJoined: true), .long],
        help: ArgumentHelp(
            "The address of the server's monitor, which tells which of several registered servers it is.",
            valueName: "monitor"
        )
    )
    var zcMonitorAddress: String?

    @Argument(help: ArgumentHelp("ZOOKEEPER and PATH, or ADDRESS.", valueName: "server"))
    var server: [String]

    func validate() throws {
        guard (1...2).contains(self.server.count) else {
            throw ValidationError("give a ZooKeeper connection string and a path, or a server's address")
        }
    }

    func run() async throws {
        let report: NagiosReport
        do {
            report = try await self.check()
        } catch {
            report = .unknown("\(error)")
        }
        try? FileHandle.standardOutput.write(contentsOf: Data((report.text + "\n").utf8))
        if report.status != 0 { throw ExitCode(report.status) }
    }

    private func check() async throws -> NagiosReport {
        var address = self.server[0]
        if self.server.count == 2 {
            let search = NagiosServerSearch(
                zooKeeper: self.server[0],
                path: self.server[1],
                monitor: self.zcMonitorAddress
            )
            do {
                switch try await search.find() {
                case .server(let found): address = found
                case .report(let report): return report
                }
            } catch let reason as StopReason where reason.kind == .zooKeeper {
                return .critical("\(reason)")
            }
        }
        let health: ServerHealth
        do {
            health = try await ServerHealth.ask(PeerAddress(address))
        } catch {
            return .critical("Can't connect \(error)")
        }
        guard self.outputMetrics, let path = self.statusPath, !health.storages.isEmpty else {
            return try NagiosReport(health, withMetrics: self.outputMetrics, since: nil)
        }
        let file = NagiosStatusFile(path: path)
        let previous = file.previous(now: Date(), unit: self.timeUnits.seconds)
        let report = try NagiosReport(health, withMetrics: true, since: previous)
        do {
            try file.write(health)
        } catch {
            return .unknown("Can't write \(path): \(error.systemReason)")
        }
        return report
    }

    /// The program was started by the name `zkzeo-nagios`: the rest of its command line belongs to this command. Says
    /// with which status it ends; as in Python, that is 2 for a command line that cannot be understood.
    static func runAlone(_ arguments: [String]) async -> Int32 {
        do {
            var command = try Self.parseAsRoot(arguments)
            // What --help makes of the command line runs by itself.
            if let check = command as? Self { try await check.run() } else { try command.run() }
            return 0
        } catch let code as ExitCode {
            return code.rawValue
        } catch {
            let code = Self.exitCode(for: error)
            let output = code == .success ? FileHandle.standardOutput : FileHandle.standardError
            try? output.write(contentsOf: Data((Self.fullMessage(for: error) + "\n").utf8))
            return code == .success ? 0 : 2
        }
    }
}
