//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Bytes that do not mean what they should: what was wrong, and where.
public struct FormatError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was being read: "pickle", "frame", "transaction header", …
    public var subject: String

    /// What is wrong with it, as a clause: "unknown opcode 0x9f".
    public var problem: String

    /// The offset in bytes of the fault from the beginning of the subject, where it is known.
    public var offset: Int?

    /// A fault in `subject`, `offset` bytes from its beginning.
    public init(_ subject: String, _ problem: String, at offset: Int? = nil) {
        self.subject = subject
        self.problem = problem
        self.offset = offset
    }

    public var description: String {
        self.offset.map { "\(self.subject): \(self.problem) (at byte \($0))" } ?? "\(self.subject): \(self.problem)"
    }
}
