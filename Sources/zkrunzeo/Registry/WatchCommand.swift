//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Logging
import ServiceLifecycle
import ZKZEOAsync

/// `zkrunzeo watch`: follows which servers are registered.
struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Follow which servers are registered at a path.",
        discussion: """
            Prints a line when a server appears (+) or goes (-), with the time, until Ctrl-C; first those that are there. \
            What clients see is what is printed: lost connections to ZooKeeper change nothing, and links are followed.

            EXIT STATUS
              0   stopped
              64  the command line cannot be understood
              69  ZooKeeper was out of reach at the start
            """
    )

    @Argument(help: ArgumentHelp("HOST:PORT[,…][/CHROOT].", valueName: "zookeeper"))
    var zooKeeper: String

    @Argument(help: ArgumentHelp("Where servers register, for instance /databases/demo.", valueName: "path"))
    var path: String

    @Flag(help: "Print each set of addresses as a line of JSON in place of the changes.")
    var json = false

    func run() async throws {
        try await withExitStatus {
            guard self.path.hasPrefix("/") else { throw StopReason(.usage, "\(self.path): a path begins with a slash") }
            let (path, json) = (self.path, self.json)
            let stop = CommandStop()
            try await CommandSession.with(self.zooKeeper) { session in
                let logger = Logger(label: "watch") { _ in SwiftLogNoOpLogHandler() }
                let watcher = AddressWatcher(session: session, path: path, logger: logger)
                await withTaskGroup(of: Void.self) { group in
                    // It throws only when it is run a second time.
                    group.addTask { try? await watcher.run() }
                    group.addTask {
                        await stop.wait()
                        watcher.close()
                    }
                    var printer = AddressChangePrinter(isJSON: json)
                    for await set in watcher.addresses { Self.write(printer.lines(for: set, at: Date())) }
                    group.cancelAll()
                }
            }
        }
    }

    private static func write(_ lines: [String]) {
        try? FileHandle.standardOutput.write(contentsOf: Data(lines.map { $0 + "\n" }.joined().utf8))
    }
}

/// Says what has changed from one set of addresses to the next.
struct AddressChangePrinter {
    let isJSON: Bool
    private var last: AddressSet?

    init(isJSON: Bool) {
        self.isJSON = isJSON
    }

    private struct Line: Encodable {
        var time: String
        var addresses: [String]
        var pathExists: Bool
    }

    mutating func lines(for set: AddressSet, at date: Date) -> [String] {
        defer { self.last = set }
        let time = date.formatted(.iso8601)
        if self.isJSON {
            let line = Line(time: time, addresses: set.addresses.map(\.description), pathExists: set.pathExists)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return (try? encoder.encode(line)).map { [String(decoding: $0, as: UTF8.self)] } ?? []
        }
        let (old, new) = (Set(self.last?.addresses ?? []), Set(set.addresses))
        var lines = old.subtracting(new).sorted().map { "\(time) - \($0)" }
        lines += new.subtracting(old).sorted().map { "\(time) + \($0)" }
        if set.addresses.isEmpty, self.last.map({ !$0.addresses.isEmpty || $0.pathExists != set.pathExists }) ?? true {
            lines.append("\(time)   \(set.pathExists ? "no servers" : "no such path")")
        }
        return lines
    }
}
