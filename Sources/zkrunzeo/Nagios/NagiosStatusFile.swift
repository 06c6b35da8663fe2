//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import ZKZEOAsync

/// The file in which the plug-in keeps what a server said, until it asks again. The format is that of ZEO's plug-in.
struct NagiosStatusFile {
    let path: String

    /// What was said the last time. `nil` when there is no file yet, or none that can be understood: the next run has one.
    ///
    /// - Parameter unit: In how many seconds rates are expressed.
    func previous(now: Date, unit: Double) -> NagiosReport.Previous? {
        guard
            let attributes = try? FileManager.default.attributesOfItem(atPath: self.path),
            let written = attributes[.modificationDate] as? Date,
            let data = FileManager.default.contents(atPath: self.path),
            let storages = try? JSONDecoder().decode([String: ServerHealth.Numbers].self, from: data)
        else { return nil }
        let age = now.timeIntervalSince(written)
        return age > 0 ? NagiosReport.Previous(storages: storages, age: age / unit) : nil
    }

    /// Keeps what was said now.
    func write(_ health: ServerHealth) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        try encoder.encode(health.storages).write(to: URL(fileURLWithPath: self.path), options: .atomic)
    }
}
