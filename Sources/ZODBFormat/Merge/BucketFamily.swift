//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// What the keys and values of a family of BTrees are: two letters of its name.
struct BucketFamily: Hashable {
    /// One half of a family.
    enum Datatype: Hashable {
        /// `O`: any object.
        case object
        /// `I`, `L`: an integer of 32 or 64 bits with a sign.
        case signed(bits: Int)
        /// `U`, `Q`: an integer of 32 or 64 bits without a sign.
        case unsigned(bits: Int)
        /// `F`: a float of 32 bits.
        case float
        /// `f`, `s`: so many bytes.
        case bytes(Int)

        init?(_ letter: Character) {
            switch letter {
            case "O": self = .object
            case "I": self = .signed(bits: 32)
            case "L": self = .signed(bits: 64)
            case "U": self = .unsigned(bits: 32)
            case "Q": self = .unsigned(bits: 64)
            default: return nil
            }
        }
    }

    let key: Datatype
    let value: Datatype

    /// The families of which the BTrees package has a module.
    private static let names: Set<String> = [
        "IO", "II", "IF", "IU", "UO", "UU", "UF", "UI", "LO", "LL", "LF", "LQ", "QO", "QQ", "QF", "QL",
        "OO", "OI", "OU", "OL", "OQ", "fs",
    ]

    /// The family of two letters.
    init?(_ name: String) {
        guard Self.names.contains(name), let first = name.first, let last = name.last else { return nil }
        if name == "fs" {
            (self.key, self.value) = (.bytes(2), .bytes(6))
            return
        }
        guard let key = Datatype(first), let value = last == "F" ? .float : Datatype(last) else { return nil }
        (self.key, self.value) = (key, value)
    }
}
