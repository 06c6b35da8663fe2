//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

@testable import ZODBStorage

/// What the tools for data files have found.
final class FoundFaults {
    private(set) var faults: [DataFileFault] = []
    /// How many records were kept of each transaction that was copied in part.
    private(set) var partial: [Int] = []
    private(set) var summary = DataFileCheck.Summary()

    init() {}

    /// Checks a file.
    init(checking path: String, references: Bool = false) throws {
        self.summary = try DataFileCheck.run(path, references: references) { self.take($0) }
    }

    func take(_ event: DataFileCheck.Event) {
        if case .fault(let fault) = event { self.faults.append(fault) }
    }

    func take(_ event: DataFileRecovery.Event) {
        switch event {
        case .fault(let fault): self.faults.append(fault)
        case .copied(_, let records, isPartial: true): self.partial.append(records)
        case .copied, .dropped, .progress: break
        }
    }
}
