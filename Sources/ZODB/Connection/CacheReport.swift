//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Synchronization
public import ZODBFormat

/// What a connection has loaded, for operators.
public struct CacheStatistics: Hashable, Sendable {
    /// The number of objects.
    public var objectCount = 0
    /// How many bytes the records of these objects have together.
    public var byteCount = 0
    /// The number of objects of each Python class; those whose class takes arguments count under that class, too.
    public var objectCounts: [PickleGlobal: Int] = [:]
    /// How often an object was asked for that was loaded already.
    public var hits = 0
    /// How often an object had to be loaded.
    public var misses = 0

    /// Nothing.
    public init() {}

    /// Adds what another connection has loaded.
    public static func += (statistics: inout CacheStatistics, other: CacheStatistics) {
        statistics.objectCount += other.objectCount
        statistics.byteCount += other.byteCount
        statistics.objectCounts.merge(other.objectCounts, uniquingKeysWith: +)
        statistics.hits += other.hits
        statistics.misses += other.misses
    }
}

/// Where a connection says what it has loaded, and the operator reads it: the connection itself is nobody else's to see.
///
/// Guarded by `statistics`.
final class CacheReport: Sendable {
    private let statistics = Mutex(CacheStatistics())

    var current: CacheStatistics { self.statistics.withLock { $0 } }

    func update(_ body: (inout CacheStatistics) -> Void) {
        self.statistics.withLock { body(&$0) }
    }
}

/// The reports of all connections of a database that exist. Guarded by `reports`.
final class CacheReports: Sendable {
    private struct Weak {
        weak var report: CacheReport?
    }

    private let reports = Mutex<[Weak]>([])

    func add(_ report: CacheReport) {
        self.reports.withLock { reports in
            reports.removeAll { $0.report == nil }
            reports.append(Weak(report: report))
        }
    }

    var all: [CacheStatistics] {
        self.reports.withLock { $0.compactMap(\.report) }.map(\.current)
    }
}
