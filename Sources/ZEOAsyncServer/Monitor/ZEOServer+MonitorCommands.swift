//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

extension ZEOServer {
    /// The commands that a server answers by itself: `connections`, `lock`, `status` and `storages`.
    ///
    /// Their answers are for people and for line-wise tools: one line for each thing, words separated by white space.
    public nonisolated var monitorCommands: [MonitorCommand] {
        [
            MonitorCommand(
                "status",
                summary: "Say how the server and its storages are doing",
                details: """
                    "status" shows all storages, "status STORAGE" one. The counters run since the server
                    started; loads, stores, commits, aborts and conflicts are calls of clients.
                    """,
                argumentCount: 0...1
            ) { try ReportText.status(try await self.monitorReport(), storage: $0.first) },
            MonitorCommand(
                "connections",
                summary: "List the clients",
                details: """
                    One line each: address, storage, access (rw or ro), transaction (collecting, voting,
                    locked, finishing or -), its objects and bytes, and the seconds since it connected.
                    """
            ) { _ in ReportText.connections(try await self.monitorReport()) },
            MonitorCommand(
                "storages",
                summary: "List the storages",
                details: "One line each: name, access (rw or ro), objects, bytes, last transaction, and its own name."
            ) { _ in ReportText.storages(try await self.monitorReport()) },
            MonitorCommand(
                "lock",
                summary: "Say who holds the commit lock",
                details: "One line for each storage, and one for each client that holds its lock or waits for it."
            ) { _ in ReportText.lock(try await self.monitorReport()) },
        ]
    }

    private func monitorReport() async throws -> ServerReport {
        guard let report = await self.report() else { throw MonitorCommandError("the server does not listen") }
        return report
    }
}
