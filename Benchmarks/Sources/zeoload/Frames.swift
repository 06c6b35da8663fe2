//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// The messages that are sent, as Python's pickle would write them.
enum Frames {
    /// A message with its length before it.
    static func frame(_ message: [UInt8]) -> [UInt8] {
        self.bytes(of: UInt32(message.count)) + message
    }

    /// `register("1", False)`
    static let register = Self.frame(
        [0x80, 3, 0x28, 0x4b, 0, 0x89] + Self.text("register") + Self.text("1") + [0x89, 0x86, 0x74, 0x2e]
    )

    /// `loadBefore(oid, maxtid)`
    static func loadBefore(id: UInt32, oid: UInt64) -> [UInt8] {
        self.frame(
            [0x80, 3, 0x28, 0x4a] + self.bytes(of: id.byteSwapped) + [0x89] + self.text("loadBefore")
                + [0x43, 8] + self.bytes(of: oid) + [0x43, 8] + self.bytes(of: UInt64(Int64.max)) + [0x86, 0x74, 0x2e]
        )
    }

    /// `ping()`
    static func ping(id: UInt32) -> [UInt8] {
        self.frame(
            [0x80, 3, 0x28, 0x4a] + self.bytes(of: id.byteSwapped) + [0x89] + self.text("ping") + [0x29, 0x74, 0x2e]
        )
    }

    /// `tpc_begin`, `storea` and `vote` of a transaction that stores one record.
    static func vote(id: UInt32, transaction: UInt32, oid: UInt64, serial: [UInt8], data: [UInt8]) -> [UInt8] {
        let number: [UInt8] = [0x4a] + self.bytes(of: transaction.byteSwapped)
        let begin =
            [0x80, 3, 0x28, 0x4b, 0, 0x88] + self.text("tpc_begin")
            + [0x28] + number + [0x43, 0, 0x43, 0, 0x7d, 0x4e] + self.text(" ") + [0x74, 0x74, 0x2e]
        let store =
            [0x80, 3, 0x28, 0x4b, 0, 0x88] + self.text("storea")
            + [0x28, 0x43, 8] + self.bytes(of: oid) + [0x43, 8] + serial
            + [0x42] + self.bytes(of: UInt32(data.count).byteSwapped) + data + number + [0x74, 0x74, 0x2e]
        return self.frame(begin) + self.frame(store) + self.call("vote", id: id, number)
    }

    /// `tpc_finish`
    static func finish(id: UInt32, transaction: UInt32) -> [UInt8] {
        self.call("tpc_finish", id: id, [0x4a] + self.bytes(of: transaction.byteSwapped))
    }

    private static func call(_ name: String, id: UInt32, _ argument: [UInt8]) -> [UInt8] {
        self.frame(
            [0x80, 3, 0x28, 0x4a] + self.bytes(of: id.byteSwapped) + [0x89] + self.text(name) + argument
                + [0x85, 0x74, 0x2e]
        )
    }

    private static func text(_ text: String) -> [UInt8] {
        [0x58] + self.bytes(of: UInt32(text.utf8.count).byteSwapped) + Array(text.utf8)
    }

    private static func bytes(of number: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) }
    }
}
