//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ZODBFormat
import ZODBStorage

/// `zkrunzeo copy SRC DST`.
struct CopyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "copy",
        abstract: "Copy the history of one storage into another.",
        discussion: """
            Copies transactions with their identifiers, statuses and metadata, every revision, and blobs where both
            storages keep them; then compares the copy with the source. A destination that has an earlier copy is
            continued behind its last transaction.

            \(StorageEndpoint.forms)

            EXAMPLES
              zkrunzeo copy 127.0.0.1:8100 Backup.fs
              zkrunzeo copy Old.fs new.conf#main

            \(ToolStatus.table)
            """
    )

    @Argument(help: ArgumentHelp("The storage to copy from.", valueName: "source"))
    var source: String

    @Argument(
        help: ArgumentHelp("The storage to copy into; a data file is made if there is none.", valueName: "destination")
    )
    var destination: String

    @Flag(inversion: .prefixedNo, help: "Compare what was copied with the source.")
    var verify = true

    func run() async throws {
        try await ToolStatus.run {
            let (from, to) = (try StorageEndpoint(self.source), try StorageEndpoint(self.destination))
            guard from != to else { throw StopReason(.usage, "a storage cannot be copied into itself") }
            let source = try await from.open(readOnly: true)
            let summary: StorageCopy.Summary
            do {
                let destination = try await to.open(readOnly: false, creates: true)
                do {
                    summary = try await self.copy(source, destination)
                } catch {
                    try? await destination.close()
                    throw error
                }
                try await destination.close()
            } catch {
                try? await source.close()
                throw error
            }
            try await source.close()
            print(
                "\(self.destination): \(summary.transactions.counted("transaction")), "
                    + "\(summary.records.counted("record")), \(summary.bytes.counted("byte"))"
                    + (summary.blobs > 0 ? ", \(summary.blobs.counted("blob"))" : "") + " copied"
                    + (self.verify ? " and compared" : "") + "; the last transaction is \(summary.last)"
            )
            if summary.missingBlobs > 0 {
                throw StopReason(
                    .data,
                    "the files of \(summary.missingBlobs.counted("blob")) were not copied: the source does not hand them "
                        + "over or has lost them, or the destination keeps none"
                )
            }
        }
    }

    private func copy(_ source: any Storage, _ destination: any Storage) async throws -> StorageCopy.Summary {
        let output = ToolProgress()
        defer { output.clear() }
        return try await StorageCopy(from: source, to: destination) { progress in
            let verb = progress.isVerifying ? "compared" : "copied"
            output.show(
                "\(progress.transactions.counted("transaction")) \(verb), up to \(progress.tid.timeDescription)"
            )
        }.run(verifies: self.verify)
    }
}
