//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import ZODBFormat

/// Follows what becomes visible in a storage.
public protocol StorageObserver: AnyObject, Sendable {
    /// A transaction has become visible. Called in the order of tids, never twice at once for one observer, before the
    /// transaction's `finish` returns; must not block and must not call the storage's writing methods.
    func storageDidCommit(_ transaction: CommittedTransaction)

    /// More was committed than the storage can tell one by one (it is remote and was out of reach for too long):
    /// everything known about objects is doubtful, and the last transaction is now `tid`.
    func storageDidLoseTrack(now tid: TransactionID)
}
