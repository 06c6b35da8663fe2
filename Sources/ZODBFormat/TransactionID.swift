//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// The identity of a transaction and the time of its commit (ZODB's *tid* or *serial*): eight bytes, most significant
/// first, on disk and on the wire.
///
/// Transaction identifiers rise strictly within a storage. The upper four bytes count minutes since 1900 (with months
/// of 31 days), the lower four a fraction of a minute.
public struct TransactionID: EightByteIdentifier {
    /// The eight bytes read as one big-endian number.
    public var rawValue: UInt64

    /// The identifier whose eight bytes are `rawValue`, most significant byte first.
    @inlinable
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// Eight zero bytes: "no transaction", the last transaction of an empty storage.
    public static let zero = TransactionID(rawValue: 0)

    /// The largest identifier that Python's ZODB accepts (`ZODB.utils.maxtid`): a load before it is a load of the
    /// current revision.
    public static let max = TransactionID(rawValue: 0x7fff_ffff_ffff_ffff)

    /// The next larger identifier. The identifier after `0xffffffffffffffff` is itself.
    public var successor: TransactionID {
        self.rawValue == .max ? self : TransactionID(rawValue: self.rawValue + 1)
    }
}
