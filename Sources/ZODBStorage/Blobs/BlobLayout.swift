//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat

/// Where in a blob directory the files of an object are, as Python's ZODB has it.
enum BlobLayout: String, Sendable {
    /// A folder for each byte of the oid, most significant first: `0x00/0x00/…/0x2a`.
    case bushy
    /// One folder for each object, named by its oid without leading zeros: `0x2a`. No longer made by Python, which still
    /// reads it.
    case lawn

    private static let suffix = ".blob"

    /// The folder of an object, relative to the blob directory.
    func folder(of oid: ObjectID) -> String {
        switch self {
        case .bushy:
            return stride(from: 56, through: 0, by: -8)
                .map { "0x" + Self.hexadecimal(oid.rawValue >> UInt64($0) & 0xff) }
                .joined(separator: "/")
        case .lawn:
            return "0x" + Self.hexadecimal(oid.rawValue)
        }
    }

    /// The name of the file with the blob that transaction `tid` wrote.
    func fileName(of tid: TransactionID) -> String { "0x" + Self.hexadecimal(tid.rawValue) + Self.suffix }

    /// The transaction that wrote the blob in a file; `nil` when that is no name of such a file.
    func transaction(ofFile name: String) -> TransactionID? {
        guard name.hasSuffix(Self.suffix) else { return nil }
        return Self.number(String(name.dropLast(Self.suffix.count)), digits: 16).map(TransactionID.init(rawValue:))
    }

    /// How many folders deep the folders of objects are.
    var depth: Int { self == .bushy ? 8 : 1 }

    /// The object of a folder whose path consists of these names; `nil` when it is none of an object.
    func object(ofFolder names: [String]) -> ObjectID? {
        guard names.count == self.depth else { return nil }
        var oid: UInt64 = 0
        for name in names {
            guard let number = Self.number(name, digits: 16 / self.depth) else { return nil }
            oid = self == .bushy ? oid << 8 | number : number
        }
        return ObjectID(rawValue: oid)
    }

    /// Whether a folder on the way to those of objects may have this name.
    func isPart(_ name: String) -> Bool { Self.number(name, digits: 16 / self.depth) != nil }

    /// Two digits for every byte, without leading zero bytes; zero has two digits, too.
    private static func hexadecimal(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return digits.count.isMultiple(of: 2) ? digits : "0" + digits
    }

    private static func number(_ text: String, digits: Int) -> UInt64? {
        guard text.hasPrefix("0x"), (1...digits).contains(text.utf8.count - 2) else { return nil }
        let hexadecimal = text.dropFirst(2)
        guard hexadecimal.utf8.allSatisfy({ $0 != UInt8(ascii: "+") }) else { return nil }
        return UInt64(hexadecimal, radix: 16)
    }
}
