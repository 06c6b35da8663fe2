//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ZODBStorage

/// `zkrunzeo fs check FILE`.
struct FSCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Look for faults in a data file and in the index beside it.",
        discussion: """
            Checks the heads of all transactions and records, lengths that stand twice, the places of previous revisions
            and of shared data, that time moves forward, and the index file. Nothing is changed; the file may be in use.
            Each fault is told with its position; the check goes on behind it.

            \(ToolStatus.table)
            """
    )

    @Argument(help: ArgumentHelp("The data file.", valueName: "file"))
    var file: String

    @Flag(help: "Also check that whatever current objects refer to exists, as Python's fsrefs does.")
    var references = false

    @Flag(name: .shortAndLong, help: "Tell of each transaction; given twice, of each record, too.")
    var verbose: Int

    func run() async throws {
        try await ToolStatus.run {
            let output = ToolOutput()
            defer { output.flush() }
            let summary = try DataFileCheck.run(self.file, references: self.references) { event in
                switch event {
                case .transaction(let transaction, let number):
                    output.progress("\(transaction.position.grouped) bytes checked")
                    guard self.verbose > 0 else { return }
                    output.line("\(transaction.position): transaction \(transaction.tid) #\(number)")
                case .record(let oid, let position, let size, let number):
                    if self.verbose > 1 {
                        output.line("\(position): object \(oid) #\(number), \(size.counted("byte"))")
                    }
                case .fault(let fault): output.line("\(self.file): \(fault)")
                case .note(let note): output.line("\(self.file): note: \(note)")
                }
            }
            output.line(
                "\(self.file): \(summary.transactions.counted("transaction")), \(summary.records.counted("record")), "
                    + "\(summary.objects.counted("object")), \(summary.bytes.counted("byte")): "
                    + (summary.faults == 0 ? "no faults" : summary.faults.counted("fault"))
            )
            output.flush()
            output.clearProgress()
            if summary.faults > 0 { throw ToolStatus.faults }
        }
    }
}
