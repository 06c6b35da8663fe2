//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// A place in a configuration.
public struct ConfigurationPosition: Hashable, Sendable, CustomStringConvertible {
    /// The file or URL, as it was given or included.
    public var file: String

    /// The line, counted from 1.
    public var line: Int

    /// A line of a file.
    public init(file: String, line: Int) {
        self.file = file
        self.line = line
    }

    /// `FILE:LINE`
    public var description: String { "\(self.file):\(self.line)" }
}
