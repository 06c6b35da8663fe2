//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
package import ZODBFormat

/// A transaction as the tools tell of it.
package struct DataFileTransaction: Hashable, Sendable {
    /// Where its record begins.
    package var position: Int
    /// The length of its record in bytes, without the repeated length at the end.
    package var length: Int
    package var tid: TransactionID
    /// The character that says what became of it.
    package var status: Character
    package var metadata: TransactionMetadata
    /// Whether everything that it wrote is there.
    package var isWhole: Bool
}

/// A data record as the tools tell of it.
package struct DataFileRecord: Hashable, Sendable {
    /// Where it begins.
    package var position: Int
    package var oid: ObjectID
    /// The length of the object's data in bytes, its own or that which it points at; `nil` where its creation was
    /// undone.
    package var size: Int?
    /// The transaction that wrote the data, where this record only points at it.
    package var dataTransaction: TransactionID?
    /// The class of the object, where the data say it.
    package var className: PickleGlobal?
}

/// A data file that a tool reads, whatever its state.
struct DataFileInput {
    static let currentFormat = ByteBuffer(string: "FS30")
    static let python2Format = ByteBuffer(string: "FS21")
    private static let walkWindow = 1 << 20

    let file: PositionalFile
    /// The size when the file was opened; what is appended later does not count.
    let size: Int

    /// Opens a data file for reading only.
    init(_ path: String) throws {
        self.file = try PositionalFile(path, .read)
        self.size = try self.file.size()
    }

    /// The four letters at the beginning.
    func format() throws -> ByteBuffer { try self.file.read(at: 0, count: Recovery.start) }

    /// What is wrong with the four letters at the beginning; `nil` when nothing is.
    func formatFault() throws -> DataFileFault? {
        if self.size == 0 { return DataFileFault(.format, at: 0, "the file is empty") }
        switch try self.format() {
        case Self.currentFormat: return nil
        case Self.python2Format:
            return DataFileFault(.format, at: 0, "the file was written by ZODB under Python 2 (FS21)")
        default: return DataFileFault(.format, at: 0, "the file does not begin with FS30")
        }
    }

    /// A walk from the first transaction on.
    func walk() -> DataFileWalk { DataFileWalk(self.window(Self.walkWindow)) }

    /// A window on the whole file.
    func window(_ size: Int) -> FileWindow {
        let file = self.file
        return FileWindow(size: self.size, windowSize: size) { try file.read(at: $0, count: $1) }
    }

    /// What a transaction says about itself.
    func metadata(of header: TransactionHeader, at position: Int) throws -> TransactionMetadata {
        var bytes = try self.file.read(
            at: position + TransactionHeader.size,
            count: header.headerLength - TransactionHeader.size
        )
        return TransactionMetadata(
            user: bytes.readSlice(length: header.userLength) ?? ByteBuffer(),
            description: bytes.readSlice(length: header.descriptionLength) ?? ByteBuffer(),
            extensionData: bytes.readSlice(length: header.extensionLength) ?? ByteBuffer()
        )
    }

    /// A transaction with what it says about itself.
    func description(of transaction: InspectedTransaction) throws -> DataFileTransaction {
        DataFileTransaction(
            position: transaction.position,
            length: transaction.header.length,
            tid: transaction.header.tid,
            status: Character(UnicodeScalar(transaction.header.statusByte)),
            metadata: try self.metadata(of: transaction.header, at: transaction.position),
            isWhole: transaction.isWhole
        )
    }

    /// The record that another one may point at, when there is one of that object, in a transaction that says the same
    /// tid; that is not asked of one that is known to be a record.
    func target(at position: Int, of oid: ObjectID, isKnown: Bool = false) throws -> DataHeader? {
        guard position >= Recovery.start, position <= self.size - DataHeader.size else { return nil }
        var bytes = try self.file.read(at: position, count: DataHeader.size)
        guard let header = bytes.readDataHeader(), header.oid == oid, header.versionLength == 0,
            header.recordLength <= self.size - position
        else { return nil }
        if isKnown { return header }
        guard header.transaction >= Recovery.start, header.transaction < position else { return nil }
        var head = try self.file.read(at: header.transaction, count: TransactionHeader.size)
        return head.readTransactionHeader()?.tid == header.tid ? header : nil
    }
}
