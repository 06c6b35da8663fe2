//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

/// Reads the heads of transactions from a data file.
struct TransactionReader: Sendable {
    /// A transaction's head and the texts behind it.
    struct Transaction {
        var header: TransactionHeader
        var position: Int
        var metadata: TransactionMetadata

        /// Where the first data record begins.
        var firstRecord: Int { self.position + self.header.headerLength }
        /// Where the data records end.
        var recordsEnd: Int { self.position + self.header.length }
        /// Where the next transaction begins.
        var end: Int { self.recordsEnd + TransactionHeader.trailerSize }
    }

    /// Texts are mostly short: the head and so many bytes in all are read at once.
    private static let firstRead = 256

    let file: PositionalFile
    /// Where the last transaction ends that may be read.
    let end: Int

    /// A reader of the transactions in front of `end`.
    init(_ file: PositionalFile, end: Int) {
        self.file = file
        self.end = end
    }

    /// The transaction that begins at a position.
    func transaction(at position: Int) throws -> Transaction {
        var bytes = try self.file.read(at: position, count: min(Self.firstRead, max(0, self.end - position)))
        guard let header = bytes.readTransactionHeader() else {
            throw self.damage("a transaction is cut short", at: position)
        }
        guard header.length >= header.headerLength,
            header.length <= self.end - position - TransactionHeader.trailerSize
        else {
            throw self.damage("the length of a transaction is wrong", at: position)
        }
        if bytes.readableBytes < header.headerLength - TransactionHeader.size {
            bytes = try self.file.read(
                at: position + TransactionHeader.size,
                count: header.headerLength - TransactionHeader.size
            )
        }
        guard let user = bytes.readSlice(length: header.userLength),
            let description = bytes.readSlice(length: header.descriptionLength),
            let extensionData = bytes.readSlice(length: header.extensionLength)
        else { throw self.damage("a transaction is cut short", at: position) }
        return Transaction(
            header: header,
            position: position,
            metadata: TransactionMetadata(user: user, description: description, extensionData: extensionData)
        )
    }

    /// The error of something that cannot be there.
    func damage(_ problem: String, at position: Int) -> StorageError {
        StorageError(.corrupted, "\(self.file.path) is damaged at position \(position): \(problem)")
    }
}
