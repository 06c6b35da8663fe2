//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// A command of a ``MonitorServer``.
public struct MonitorCommand: Sendable {
    /// The word by which it is called.
    public var name: String
    /// One line for `help`.
    public var summary: String
    /// What `help NAME` says after the summary.
    public var details: String
    /// How many words may follow the name.
    public var argumentCount: ClosedRange<Int>
    /// Answers the command. What it returns is sent as it is and should end with a line break; what it throws is told
    /// to the client.
    public var run: @Sendable (_ arguments: [String]) async throws -> String

    /// A command.
    public init(
        _ name: String,
        summary: String,
        details: String = "",
        argumentCount: ClosedRange<Int> = 0...0,
        run: @escaping @Sendable (_ arguments: [String]) async throws -> String
    ) {
        self.name = name
        self.summary = summary
        self.details = details
        self.argumentCount = argumentCount
        self.run = run
    }
}

/// Why a command of a monitor has no answer. The client is sent the sentence.
public struct MonitorCommandError: Error, CustomStringConvertible, Sendable {
    public var description: String

    /// An error with a sentence for the client.
    public init(_ description: String) {
        self.description = description
    }
}
