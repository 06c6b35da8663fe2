//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A format of log lines, as Python's logging and ZConfig know them, read once and then followed for every record.
struct LogFormat: Sendable {
    /// How places for fields are marked.
    enum Style: String, CaseIterable, Sendable {
        /// `%(name)s`
        case classic
        /// `{name}`
        case format
        /// `$name` or `${name}`
        case template
        /// As `template`, and what means nothing is left as it is.
        case safeTemplate = "safe-template"
    }

    /// What is wrong with a format.
    struct Fault: Error {
        var message: String
    }

    enum Piece: Equatable, Sendable {
        case text(String)
        /// The written form is for fields that a record does not have.
        case field(String, FieldLayout, written: String)
    }

    /// runzeo's and ZConfig's own.
    static let standard = "------\n%(asctime)s %(levelname)s %(name)s %(message)s"
    static let standardDate = "%Y-%m-%dT%H:%M:%S"

    let pieces: [Piece]
    /// How `asctime` is written, as in `strftime`.
    let dateFormat: String
    private let keepsUnknown: Bool

    /// Reads a format. Unknown fields are refused unless `anyField`, which then stands for metadata.
    init(
        _ text: String = LogFormat.standard,
        style: Style = .classic,
        dateFormat: String = LogFormat.standardDate,
        anyField: Bool = false
    ) throws(Fault) {
        self.pieces =
            switch style {
            case .classic: try PercentFormat.pieces(of: text)
            case .format: try BraceFormat.pieces(of: text)
            case .template: try DollarFormat.pieces(of: text, isSafe: false)
            case .safeTemplate: try DollarFormat.pieces(of: text, isSafe: true)
            }
        self.dateFormat = dateFormat
        self.keepsUnknown = style == .safeTemplate
        if anyField || style == .safeTemplate { return }
        for case .field(let name, _, _) in self.pieces where !LogRecord.fields.contains(name) {
            let known = LogRecord.fields.sorted().joined(separator: ", ")
            throw Fault(message: "there is no field '\(name)'; there are \(known)")
        }
    }

    /// The line for a record, without an end of line.
    func line(_ record: LogRecord) -> String {
        var line = ""
        for piece in self.pieces {
            switch piece {
            case .text(let text): line += text
            case .field("asctime", let layout, _): line += layout.text(.text(self.asctime(record.created)))
            case .field(let name, let layout, let written):
                if let value = record.value(of: name) {
                    line += layout.text(value)
                } else if self.keepsUnknown {
                    line += written
                }
            }
        }
        return line
    }

    private func asctime(_ time: Double) -> String {
        guard self.dateFormat.isEmpty else { return LocalTime(time).formatted(self.dateFormat) }
        // What Python writes when it is not told how.
        let milliseconds = Int(((time - time.rounded(.down)) * 1000).rounded(.down))
        return LocalTime(time).formatted("%Y-%m-%d %H:%M:%S") + String(format: ",%03d", milliseconds)
    }
}
