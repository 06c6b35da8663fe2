//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// What a client of a monitor says, line by line: zc.monitor's conversation.
///
/// A connection is good for one command and is closed behind its answer, unless the command was `interactive`; then it
/// stays until `quit`, and an empty line means the last command again. One line is answered before the next is looked at.
struct MonitorStateMachine {
    private enum Mode {
        /// The connection is closed behind the next answer.
        case single
        /// The connection stays open.
        case interactive
        /// Nothing is answered any more.
        case closed
    }

    enum LineAction: Hashable {
        /// Look at the next line.
        case none
        /// Send this, and then what ``answered()`` says.
        case say(String)
        /// Run a command, and then what ``answered()`` says.
        case run(name: String, arguments: [String])
        case close
    }

    enum AnswerAction: Hashable { case readOn, close }

    /// What is known of a command here.
    struct Entry: Hashable {
        var summary: String
        var details: String
        var argumentCount: ClosedRange<Int>
    }

    private var mode = Mode.single
    private var lastCommand: [String]?
    private let commands: [String: Entry]

    /// A conversation in which these commands can be run, beside `help`, `interactive` and `quit`.
    init(commands: [String: Entry]) {
        self.commands = commands.merging(Self.basics) { _, basic in basic }
    }

    var isInteractive: Bool { self.mode == .interactive }

    mutating func received(line: String) -> LineAction {
        guard self.mode != .closed else { return .close }
        var words = line.split(whereSeparator: \.isWhitespace).map(String.init)
        if words.isEmpty {
            guard let lastCommand else { return .none }
            words = lastCommand
        }
        self.lastCommand = words
        let name = words.removeFirst()
        guard let command = self.commands[name] else { return .say(Self.invalid(name)) }
        guard command.argumentCount.contains(words.count) else {
            return .say(Self.wrongCount(name, command.argumentCount, given: words.count))
        }
        switch name {
        case "help":
            return .say(self.help(words.first))
        case "interactive":
            self.mode = .interactive
            return .say("Interactive mode on.  Use \"quit\" To exit.\n")
        case "quit":
            self.mode = .single
            return .say("Goodbye.\n")
        default:
            return .run(name: name, arguments: words)
        }
    }

    /// The line is answered.
    mutating func answered() -> AnswerAction {
        guard self.mode == .interactive else {
            self.mode = .closed
            return .close
        }
        return .readOn
    }

    /// A line is longer than any command: it is not read to its end.
    mutating func tooLong() -> LineAction {
        self.mode = .closed
        return .say("Line too long\n")
    }

    mutating func closed() {
        self.mode = .closed
    }

    // MARK: Texts

    private static let basics: [String: Entry] = [
        "help": Entry(
            summary: "Get help about server commands",
            details: "Alone it lists every command; \"help NAME\" says more about one.",
            argumentCount: 0...1
        ),
        "interactive": Entry(
            summary: "Turn on monitor's interactive mode",
            details: """
                A connection is closed behind the first answer, but in interactive mode it stays open
                until "quit". There an empty line runs the last command again.
                """,
            argumentCount: 0...0
        ),
        "quit": Entry(
            summary: "Quit the monitor",
            details: "Ends the interactive mode, and the connection.",
            argumentCount: 0...0
        ),
    ]

    private static func invalid(_ name: String) -> String { "Invalid command \(Self.quoted(name))\nTry \"help\".\n" }

    private static func wrongCount(_ name: String, _ expected: ClosedRange<Int>, given: Int) -> String {
        let bound = expected.count == 1 ? "exactly" : given < expected.lowerBound ? "at least" : "at most"
        let count = given < expected.lowerBound ? expected.lowerBound : expected.upperBound
        return "TypeError: \(name)() takes \(bound) \(count) argument\(count == 1 ? "" : "s") (\(given) given)\n\n"
    }

    private func help(_ name: String?) -> String {
        guard let name else {
            let list = self.commands.map { "\($0.key) -- \($0.value.summary)" }.sorted()
            return "Supported commands:\n  \(list.joined(separator: "\n  "))\n"
        }
        guard let command = self.commands[name] else { return Self.invalid(name) }
        let details = command.details.isEmpty ? "" : "\n\n" + command.details
        return "Help for \(name):\n\n\(command.summary)\(details)\n"
    }

    /// A word as Python 2 quotes it.
    static func quoted(_ word: String) -> String {
        let mark: Character = word.contains("'") && !word.contains("\"") ? "\"" : "'"
        var result = String(mark)
        for byte in word.utf8 {
            let character = Character(UnicodeScalar(byte))
            switch byte {
            case UInt8(ascii: "\\"): result += "\\\\"
            case 0x20..<0x7f where character == mark: result += "\\" + String(mark)
            case 0x20..<0x7f: result.append(character)
            case UInt8(ascii: "\t"): result += "\\t"
            case UInt8(ascii: "\n"): result += "\\n"
            case UInt8(ascii: "\r"): result += "\\r"
            default: result += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }
        return result + String(mark)
    }
}
