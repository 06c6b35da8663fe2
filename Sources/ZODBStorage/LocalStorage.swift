//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import ZODBFormat

/// A storage in this process, whose loads return without suspending.
///
/// The functions are those of `Storage`. They may read the disk, so the caller decides where that may happen.
public protocol LocalStorage: Storage {
    func statistics() throws -> StorageStatistics
    func lastTransaction() throws -> TransactionID
    func load(_ oid: ObjectID, before tid: TransactionID) throws -> ObjectRevision?
    func load(_ oid: ObjectID, at serial: TransactionID) throws -> ByteBuffer
    func serial(of oid: ObjectID, before tid: TransactionID) throws -> TransactionID?
    func newObjectIDs(_ count: Int) throws -> [ObjectID]
}
