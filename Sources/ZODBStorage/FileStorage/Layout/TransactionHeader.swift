//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

/// The head of a transaction record.
///
/// A transaction record is this head (23 bytes, then user, description and extension), data records, and the record's
/// length once more, so that the file can be walked backwards. All numbers are big-endian.
struct TransactionHeader: Hashable, Sendable {
    /// What became of a transaction.
    enum Status: UInt8, Sendable {
        /// Committed.
        case committed = 0x20
        /// Committed, and written by a pack.
        case packed = 0x70
        /// Written, and not committed yet: only ever at the end of a file whose writer died.
        case checkpoint = 0x63
        /// Not committed after all; its records count for nothing.
        case undone = 0x75
    }

    /// The bytes of the fixed part.
    static let size = 23
    /// Where in it the status byte is.
    static let statusOffset = 16
    /// The bytes of the repeated length at the end of a record.
    static let trailerSize = 8
    /// The longest user, description or extension, in bytes.
    static let maximumTextLength = 65_535

    var tid: TransactionID
    /// The length of the record in bytes, without the repeated length.
    var length: Int
    /// The status byte as it is.
    var statusByte: UInt8
    var userLength: Int
    var descriptionLength: Int
    var extensionLength: Int

    /// What the status byte says, where it says something.
    var status: Status? { Status(rawValue: self.statusByte) }

    /// The bytes in front of the first data record.
    var headerLength: Int { Self.size + self.userLength + self.descriptionLength + self.extensionLength }
}

extension ByteBuffer {
    /// Reads the fixed part of a transaction's head; `nil` when fewer than 23 bytes are readable.
    mutating func readTransactionHeader() -> TransactionHeader? {
        guard self.readableBytes >= TransactionHeader.size,
            let tid = self.readIdentifier(as: TransactionID.self),
            let length = self.readFilePosition(),
            let (status, user, description, extensionLength) = self.readMultipleIntegers(
                as: (UInt8, UInt16, UInt16, UInt16).self
            )
        else { return nil }
        return TransactionHeader(
            tid: tid,
            length: length,
            statusByte: status,
            userLength: Int(user),
            descriptionLength: Int(description),
            extensionLength: Int(extensionLength)
        )
    }

    /// Appends the fixed part of a transaction's head.
    mutating func writeTransactionHeader(_ header: TransactionHeader) {
        self.writeIdentifier(header.tid)
        self.writeMultipleIntegers(
            UInt64(header.length),
            header.statusByte,
            UInt16(header.userLength),
            UInt16(header.descriptionLength),
            UInt16(header.extensionLength)
        )
    }

    /// Reads eight bytes as a position or length; what no file can hold becomes 2^62, which is beyond every file.
    mutating func readFilePosition() -> Int? {
        self.readInteger(as: UInt64.self).map { Int(min($0, 1 << 62)) }
    }
}
