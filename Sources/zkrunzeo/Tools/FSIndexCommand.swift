//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ZODBStorage

/// `zkrunzeo fs index FILE`.
struct FSIndexCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "index",
        abstract: "Build the index file beside a data file, or verify it.",
        discussion: """
            A server that finds a right index file opens at once; without one it reads all of the data file. The index is
            written whole or not at all, and not while the data file is open for writing.

            \(ToolStatus.table)
            """
    )

    @Argument(help: ArgumentHelp("The data file.", valueName: "file"))
    var file: String

    @Flag(help: "Only compare the index file with the data file, and change nothing.")
    var verify = false

    func run() async throws {
        try await ToolStatus.run {
            let index = self.file + ".index"
            let output = ToolOutput()
            defer { output.flush() }
            let outcome =
                self.verify
                ? try DataFileIndexer.verify(self.file)
                : try DataFileIndexer.build(self.file) { torn in
                    output.complain("zkrunzeo: \(self.file): \(torn); the end of the file is not in the index")
                }
            switch outcome {
            case .right(let objects): output.line("\(index): right, \(objects.counted("object"))")
            case .written(let objects, let end):
                output.line("\(index): written, \(objects.counted("object")) up to position \(end)")
            case .missing:
                output.line("\(index): there is none")
                output.flush()
                throw ToolStatus.faults
            case .wrong(let problem):
                output.line("\(index): \(problem)")
                output.flush()
                throw ToolStatus.faults
            }
        }
    }
}
