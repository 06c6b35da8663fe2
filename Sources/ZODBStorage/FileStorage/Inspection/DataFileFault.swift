//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// One thing that is wrong in a data file or in the index beside it.
package struct DataFileFault: Hashable, Sendable, CustomStringConvertible {
    /// What is concerned.
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        /// The four letters at the beginning.
        case format
        /// The end of the file, which was not written out; the next opening for writing cuts it off.
        case torn
        /// A transaction: its head, its lengths, or bytes that belong to none.
        case transaction
        /// Transactions do not follow on one another in time.
        case order
        /// A data record's head.
        case record
        /// The place of the data that a record shares with an earlier one.
        case pointer
        /// The place of an object's previous revision.
        case previous
        /// The index file.
        case index
        /// A reference from one object to another.
        case reference
    }

    package var kind: Kind
    /// Where it is in the data file, in bytes; `nil` where it is not at one place.
    package var position: Int?
    /// What is wrong, as a sentence without its full stop.
    package var problem: String

    package init(_ kind: Kind, at position: Int?, _ problem: String) {
        self.kind = kind
        self.position = position
        self.problem = problem
    }

    package var description: String {
        "\(self.position.map { "position \($0)" } ?? "file"): \(self.kind.rawValue): \(self.problem)"
    }
}
