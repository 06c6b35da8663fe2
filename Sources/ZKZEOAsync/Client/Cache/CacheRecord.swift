//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat
import ZODBStorage

/// One fact in the journal of a cache on disk, and how it is written down.
///
/// A record is a checksum (4 bytes, of all that follows but the data), the length of the head (4), the head, and, behind
/// that of a revision, its data, which has a checksum of its own in the head. All numbers are big-endian. The checksum
/// begins with the salt of its file, so that no record of another file passes for one of this.
enum CacheRecord: Hashable {
    /// A revision of an object; the data follows. `next` is the transaction that replaced it, `nil` while none has.
    case revision(ObjectID, TransactionID, next: TransactionID?, dataLength: Int, dataChecksum: UInt32)
    /// The end of a revision that was written as a current one has become known.
    case ended(ObjectID, TransactionID, next: TransactionID)
    /// A transaction has changed these objects; everything up to it has been told.
    case told(TransactionID, [ObjectID])
    /// Transactions up to this one have changed these objects, at times that are not known.
    case changed(TransactionID, [ObjectID])
    /// The current revisions of these objects have proved not to be the current ones.
    case forgotten([ObjectID])

    /// The length of what stands before the head.
    static let prefixLength = 8
    /// No head is longer: what says so is damaged.
    static let maximumHeadLength = 1 << 28

    private static let none = TransactionID.max

    /// How many bytes follow the head.
    var dataLength: Int {
        if case .revision(_, _, _, let length, _) = self { length } else { 0 }
    }

    /// Appends the record, without data.
    func write(to buffer: inout ByteBuffer, salt: UInt32) {
        var head = ByteBuffer()
        switch self {
        case .revision(let oid, let tid, let next, let length, let checksum):
            head.writeInteger(UInt8(ascii: "R"))
            head.writeIdentifier(oid)
            head.writeIdentifier(tid)
            head.writeIdentifier(next ?? Self.none)
            head.writeMultipleIntegers(UInt32(length), checksum)
        case .ended(let oid, let tid, let next):
            head.writeInteger(UInt8(ascii: "E"))
            head.writeIdentifier(oid)
            head.writeIdentifier(tid)
            head.writeIdentifier(next)
        case .told(let tid, let oids): Self.write("T", tid, oids, to: &head)
        case .changed(let tid, let oids): Self.write("C", tid, oids, to: &head)
        case .forgotten(let oids): Self.write("F", .zero, oids, to: &head)
        }
        var checked = ByteBuffer()
        checked.writeMultipleIntegers(salt, UInt32(head.readableBytes))
        let checksum = Checksum.crc32(head, after: Checksum.crc32(checked))
        buffer.writeMultipleIntegers(checksum, UInt32(head.readableBytes))
        buffer.writeBuffer(&head)
    }

    private static func write(
        _ kind: Unicode.Scalar,
        _ tid: TransactionID,
        _ oids: [ObjectID],
        to head: inout ByteBuffer
    ) {
        head.writeInteger(UInt8(ascii: kind))
        head.writeIdentifier(tid)
        for oid in oids { head.writeIdentifier(oid) }
    }

    /// The length of the head that follows a prefix; `nil` when that makes no sense.
    static func headLength(_ prefix: ByteBuffer) -> Int? {
        guard let length = prefix.getInteger(at: prefix.readerIndex + 4, as: UInt32.self) else { return nil }
        return (1...Self.maximumHeadLength).contains(Int(length)) ? Int(length) : nil
    }

    /// The record with this prefix and head; `nil` when it is not what was written.
    init?(prefix: ByteBuffer, head: ByteBuffer, salt: UInt32) {
        var (prefix, head) = (prefix, head)
        guard let (checksum, length) = prefix.readMultipleIntegers(as: (UInt32, UInt32).self) else { return nil }
        var checked = ByteBuffer()
        checked.writeMultipleIntegers(salt, length)
        guard checksum == Checksum.crc32(head, after: Checksum.crc32(checked)),
            let kind = head.readInteger(as: UInt8.self), let record = Self.read(kind, &head), head.readableBytes == 0
        else { return nil }
        self = record
    }

    private static func read(_ kind: UInt8, _ head: inout ByteBuffer) -> CacheRecord? {
        switch Unicode.Scalar(kind) {
        case "R":
            guard let oid = head.readIdentifier(as: ObjectID.self),
                let tid = head.readIdentifier(as: TransactionID.self),
                let next = head.readIdentifier(as: TransactionID.self),
                let (length, checksum) = head.readMultipleIntegers(as: (UInt32, UInt32).self)
            else { return nil }
            let end = next == Self.none ? nil : next
            return .revision(oid, tid, next: end, dataLength: Int(length), dataChecksum: checksum)
        case "E":
            guard let oid = head.readIdentifier(as: ObjectID.self),
                let tid = head.readIdentifier(as: TransactionID.self),
                let next = head.readIdentifier(as: TransactionID.self)
            else { return nil }
            return .ended(oid, tid, next: next)
        case "T", "C", "F":
            guard let tid = head.readIdentifier(as: TransactionID.self) else { return nil }
            var oids: [ObjectID] = []
            oids.reserveCapacity(head.readableBytes / 8)
            while let oid = head.readIdentifier(as: ObjectID.self) { oids.append(oid) }
            switch Unicode.Scalar(kind) {
            case "T": return .told(tid, oids)
            case "C": return .changed(tid, oids)
            default: return .forgotten(oids)
            }
        default: return nil
        }
    }
}
