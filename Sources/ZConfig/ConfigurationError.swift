//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// A fault in a configuration: what is wrong, where, and what would be right.
public struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file or URL with the fault, where it is known.
    public var file: String?

    /// The line of the fault, counted from 1, where it is known.
    public var line: Int?

    /// What is wrong and what would be right, as a sentence without its file and line.
    public var message: String

    /// A fault at a place.
    public init(file: String? = nil, line: Int? = nil, message: String) {
        self.file = file
        self.line = line
        self.message = message
    }

    /// A fault at a place.
    public init(at position: ConfigurationPosition, _ message: String) {
        self.init(file: position.file, line: position.line, message: message)
    }

    /// `FILE:LINE: MESSAGE`, as far as they are known.
    public var description: String {
        switch (self.file, self.line) {
        case (let file?, let line?): "\(file):\(line): \(self.message)"
        case (let file?, nil): "\(file): \(self.message)"
        case (nil, let line?): "line \(line): \(self.message)"
        case (nil, nil): self.message
        }
    }
}
