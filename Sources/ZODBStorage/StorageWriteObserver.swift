//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Is told how a storage writes, for whoever measures it.
///
/// This is all that storages know of metrics: numbers handed over after the work is done. What becomes of them is the
/// observer's affair, which must be quick, since the next transactions wait meanwhile.
public protocol StorageWriteObserver: Sendable {
    /// Transactions have become durable. Called on the writer's thread, before they become visible.
    func storageDidSynchronize(_ write: StorageWrite)
}

/// Transactions that became durable together.
public struct StorageWrite: Hashable, Sendable {
    /// How many there were.
    public var transactionCount: Int
    /// Their size in bytes.
    public var byteCount: Int
    /// How long the file system took to make them durable.
    public var synchronization: Duration
    /// How many transactions have been queued behind them meanwhile.
    public var queueLength: Int

    /// What was written.
    public init(transactionCount: Int, byteCount: Int, synchronization: Duration, queueLength: Int) {
        self.transactionCount = transactionCount
        self.byteCount = byteCount
        self.synchronization = synchronization
        self.queueLength = queueLength
    }
}
