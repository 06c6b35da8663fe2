//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import NIOCore
import ZODBFormat
import ZODBStorage

/// `zkrunzeo fs dump FILE`.
struct FSDumpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dump",
        abstract: "Tell what is in a data file: a line for each transaction, and one for each of its records.",
        discussion: """
            Damage is told on standard error, and the dump goes on behind it. Times are in UTC.

            EXAMPLES
              zkrunzeo fs dump Data.fs
              zkrunzeo fs dump --from 2026-11-01 --through '2026-11-22 14:30' Data.fs
              zkrunzeo fs dump --from 0x03fb2c1a00000000 Data.fs

            \(ToolStatus.table)
            """
    )

    @Argument(help: ArgumentHelp("The data file.", valueName: "file"))
    var file: String

    @Option(help: ArgumentHelp("The first transaction: a tid (0x and 16 digits) or a time.", valueName: "tid|time"))
    var from: TransactionBound?

    @Option(
        help: ArgumentHelp(
            "The last transaction: a tid or a time; all of the day, minute or second that is given.",
            valueName: "tid|time"
        )
    )
    var through: TransactionBound?

    func run() async throws {
        try await ToolStatus.run {
            let output = ToolOutput()
            defer { output.flush() }
            var faults = 0
            try DataFileDump.run(
                self.file,
                from: self.from?.first ?? .zero,
                through: self.through?.last ?? .max
            ) { event in
                switch event {
                case .transaction(let transaction, let number): output.line(transaction.line(number))
                case .record(let record, let number): output.line(record.line(number))
                case .fault(let fault):
                    faults += 1
                    output.complain("\(self.file): \(fault)")
                }
            }
            output.flush()
            if faults > 0 { throw ToolStatus.faults }
        }
    }
}

extension DataFileTransaction {
    /// One line, with what Python's fsdump says.
    func line(_ number: Int) -> String {
        "transaction #\(number) tid=\(self.tid) time=\"\(self.tid.timeDescription)\" offset=\(self.position) "
            + "size=\(self.length) status=\"\(self.status)\" user=\(self.metadata.user.quoted) "
            + "description=\(self.metadata.description.quoted)"
            + (self.metadata.extensionData.readableBytes > 0
                ? " extension=\(self.metadata.extensionData.readableBytes)" : "")
            + (self.isWhole ? "" : " damaged")
    }
}

extension DataFileRecord {
    /// One line, with what Python's fsdump says.
    func line(_ number: Int) -> String {
        let name = self.className.map { "\($0.module).\($0.name)" }
        return "  record #\(number) oid=\(self.oid) offset=\(self.position)"
            + (self.size.map { " size=\($0) class=\(name ?? "?")" } ?? " undone=creation")
            + (self.dataTransaction.map { " data-of=\($0)" } ?? "")
    }
}

extension ByteBuffer {
    /// The bytes as text between quotes, with everything escaped that would not fit into a line.
    var quoted: String {
        var text = "\""
        for scalar in String(buffer: self).unicodeScalars {
            switch scalar {
            case "\"", "\\": text += "\\\(scalar)"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            default:
                if scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format {
                    text += "\\u{\(String(scalar.value, radix: 16))}"
                } else {
                    text.unicodeScalars.append(scalar)
                }
            }
        }
        return text + "\""
    }
}
