//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat
import ZODBStorage

/// What stands at the beginning of each file of a cache on disk.
struct CacheSegmentHeader: Hashable {
    private static let magic = "ZKZEOCC1"
    /// How long the header is.
    static let length = 36

    /// Files are numbered in the order in which they were begun.
    var number: Int
    /// A random number, with which all checksums in the file begin.
    var salt: UInt32
    /// Which storage the cache is of.
    var storageChecksum: UInt32
    /// Up to where everything had been told when the file was begun; `.zero` when nothing had.
    var last: TransactionID

    init(number: Int, salt: UInt32, storage: String, last: TransactionID) {
        self.number = number
        self.salt = salt
        self.storageChecksum = Checksum.crc32(ByteBuffer(string: storage))
        self.last = last
    }

    func write(to buffer: inout ByteBuffer) {
        var header = ByteBuffer(string: Self.magic)
        header.writeInteger(UInt64(self.number))
        header.writeMultipleIntegers(self.salt, self.storageChecksum)
        header.writeIdentifier(self.last)
        header.writeInteger(Checksum.crc32(header))
        buffer.writeBuffer(&header)
    }

    /// The header of a file; `nil` when it is not what was written.
    init?(_ bytes: ByteBuffer) {
        var bytes = bytes
        guard let checked = bytes.getSlice(at: bytes.readerIndex, length: Self.length - 4),
            bytes.readString(length: 8) == Self.magic,
            let (written, salt, storage) = bytes.readMultipleIntegers(as: (UInt64, UInt32, UInt32).self),
            let number = Int(exactly: written),
            let last = bytes.readIdentifier(as: TransactionID.self),
            bytes.readInteger(as: UInt32.self) == Checksum.crc32(checked)
        else { return nil }
        self.number = number
        self.salt = salt
        self.storageChecksum = storage
        self.last = last
    }
}

/// Where the data of a revision is on disk.
struct CachePlace: Hashable, Sendable {
    /// The number of the file.
    var segment: Int
    var offset: Int
    var length: Int
    var checksum: UInt32
}
