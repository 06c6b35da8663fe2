//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ZODBFormat
import ZODBStorage

/// `zkrunzeo fs recover FILE OUTPUT`.
struct FSRecoverCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recover",
        abstract: "Copy what is whole in a damaged data file into a new one.",
        discussion: """
            The damaged file is only read. What is dropped is told, with its position. Lengths and places that the file
            states twice are mended. The new file gets an index; it appears whole or not at all.

            \(ToolStatus.table)
            """
    )

    @Argument(help: ArgumentHelp("The damaged data file.", valueName: "file"))
    var file: String

    @Argument(help: ArgumentHelp("The new data file.", valueName: "output"))
    var output: String

    @Flag(
        name: .shortAndLong,
        help: "Keep the sound records in front of the first damaged one of a transaction, and mark it as packed."
    )
    var partial = false

    @Flag(name: .shortAndLong, help: "Replace the output if it exists.")
    var force = false

    @Flag(name: .shortAndLong, help: "Tell of each transaction that is copied.")
    var verbose: Int

    func run() async throws {
        try await ToolStatus.run {
            let output = ToolOutput()
            defer { output.flush() }
            let summary = try DataFileRecovery.run(
                self.file,
                into: self.output,
                keepsPartial: self.partial,
                overwrites: self.force
            ) { event in
                switch event {
                case .copied(let transaction, let records, let isPartial):
                    guard isPartial || self.verbose > 0 else { return }
                    let word = isPartial ? "copied in part" : "copied"
                    output.line("\(self.file): transaction \(transaction.tid) \(word), \(records.counted("record"))")
                case .dropped(let transaction):
                    output.line(
                        "\(self.file): transaction \(transaction.tid) of \(transaction.tid.timeDescription) dropped"
                    )
                case .fault(let fault): output.line("\(self.file): \(fault)")
                case .progress(let done, let total): output.progress("\(done.percent(of: total)) copied")
                }
            }
            output.line(
                "\(self.output): \(summary.copiedTransactions.counted("transaction")), "
                    + "\(summary.copiedRecords.counted("record")), \(summary.objects.counted("object")), "
                    + "\(summary.bytes.counted("byte")); \(summary.droppedTransactions.counted("transaction")) and "
                    + "\(summary.droppedBytes.counted("byte")) dropped"
            )
            output.flush()
            output.clearProgress()
            if summary.faults > 0 { throw ToolStatus.faults }
        }
    }
}
