//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ZEOAsyncServer

/// The conversation of zc.monitor.
@Suite struct MonitorStateMachineTests {
    private func machine() -> MonitorStateMachine {
        MonitorStateMachine(commands: [
            "hello": .init(summary: "Say hello", details: "With a name, to somebody.", argumentCount: 0...1),
            "pair": .init(summary: "Take two", details: "", argumentCount: 2...2),
        ])
    }

    @Test func oneCommandIsAnsweredAndTheConnectionClosed() {
        var machine = self.machine()
        expect(machine.received(line: "  hello \t Jim \r\n"), .run(name: "hello", arguments: ["Jim"]))
        expect(machine.answered(), .close)
        expect(machine.received(line: "hello\n"), .close)
    }

    @Test func anEmptyLineBeforeAnyCommandIsNothing() {
        var machine = self.machine()
        expect(machine.received(line: "\r\n"), .none)
        expect(machine.received(line: "hello\n"), .run(name: "hello", arguments: []))
    }

    @Test func interactiveConnectionsStayAndRepeatUntilQuit() {
        var machine = self.machine()
        expect(
            machine.received(line: "interactive\n"),
            .say("Interactive mode on.  Use \"quit\" To exit.\n")
        )
        expect(machine.answered(), .readOn)
        for line in ["hello Jim\n", "\n", "  \n"] {
            expect(machine.received(line: line), .run(name: "hello", arguments: ["Jim"]))
            expect(machine.answered(), .readOn)
        }
        expect(machine.received(line: "quit\n"), .say("Goodbye.\n"))
        expect(machine.answered(), .close)
    }

    @Test(
        arguments: [
            ("frob", "Invalid command 'frob'\nTry \"help\".\n"),
            ("it's", "Invalid command \"it's\"\nTry \"help\".\n"),
            ("\"'", "Invalid command '\"\\''\nTry \"help\".\n"),
            ("a\\\u{1}é", "Invalid command 'a\\\\\\x01\\xc3\\xa9'\nTry \"help\".\n"),
            ("HELP", "Invalid command 'HELP'\nTry \"help\".\n"),
        ]
    )
    func unknownCommandsAreNamed(word: String, answer: String) {
        var machine = self.machine()
        expect(machine.received(line: word + "\n"), .say(answer))
        expect(machine.answered(), .close)
    }

    @Test(
        arguments: [
            ("hello a b", "TypeError: hello() takes at most 1 argument (2 given)\n\n"),
            ("pair a", "TypeError: pair() takes exactly 2 arguments (1 given)\n\n"),
            ("quit now", "TypeError: quit() takes exactly 0 arguments (1 given)\n\n"),
        ]
    )
    func wrongNumbersOfArgumentsAreErrors(line: String, answer: String) {
        var machine = self.machine()
        expect(machine.received(line: line), .say(answer))
    }

    @Test func helpListsEveryCommandInOrder() {
        var machine = self.machine()
        expect(
            machine.received(line: "help"),
            .say(
                """
                Supported commands:
                  hello -- Say hello
                  help -- Get help about server commands
                  interactive -- Turn on monitor's interactive mode
                  pair -- Take two
                  quit -- Quit the monitor

                """
            )
        )
    }

    @Test func helpKnowsEachCommand() {
        var machine = self.machine()
        expect(
            machine.received(line: "help hello"),
            .say("Help for hello:\n\nSay hello\n\nWith a name, to somebody.\n")
        )
        expect(machine.received(line: "help pair"), .say("Help for pair:\n\nTake two\n"))
        expect(machine.received(line: "help nobody"), .say("Invalid command 'nobody'\nTry \"help\".\n"))
    }

    @Test func aLineThatDoesNotEndEndsTheConversation() {
        var machine = self.machine()
        _ = machine.received(line: "interactive")
        _ = machine.answered()
        expect(machine.tooLong(), .say("Line too long\n"))
        expect(machine.answered(), .close)
    }
}
