//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

/// The head of a data record: one revision of one object.
///
/// Behind the 42 bytes of the head come the record's data or, when the data length is zero, eight bytes that say where
/// in the file the data record with the data is; zero there means that the object's creation was undone.
struct DataHeader: Hashable, Sendable {
    /// The bytes of the head.
    static let size = 42
    /// The bytes of a pointer to another data record, behind a head whose data length is zero.
    static let pointerSize = 8

    var oid: ObjectID
    var tid: TransactionID
    /// Where the object's previous revision begins; zero when there is none.
    var previous: Int
    /// Where the record of the transaction begins.
    var transaction: Int
    /// A length that was in use long ago and is zero since.
    var versionLength: UInt16 = 0
    /// The length of the data in bytes; zero for a pointer.
    var dataLength: Int

    /// The length of the whole data record in bytes.
    var recordLength: Int { Self.recordLength(ofData: self.dataLength) }

    /// The length of a data record with so many bytes of data.
    static func recordLength(ofData count: Int) -> Int { Self.size + (count == 0 ? Self.pointerSize : count) }
}

extension ByteBuffer {
    /// Reads the head of a data record; `nil` when fewer than 42 bytes are readable.
    mutating func readDataHeader() -> DataHeader? {
        guard self.readableBytes >= DataHeader.size,
            let oid = self.readIdentifier(as: ObjectID.self),
            let tid = self.readIdentifier(as: TransactionID.self),
            let previous = self.readFilePosition(),
            let transaction = self.readFilePosition(),
            let versionLength = self.readInteger(as: UInt16.self),
            let dataLength = self.readFilePosition()
        else { return nil }
        return DataHeader(
            oid: oid,
            tid: tid,
            previous: previous,
            transaction: transaction,
            versionLength: versionLength,
            dataLength: dataLength
        )
    }

    /// Appends the head of a data record.
    mutating func writeDataHeader(_ header: DataHeader) {
        self.writeIdentifier(header.oid)
        self.writeIdentifier(header.tid)
        self.writeMultipleIntegers(
            UInt64(header.previous),
            UInt64(header.transaction),
            header.versionLength,
            UInt64(header.dataLength)
        )
    }
}
