//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import ZODBFormat

@Suite struct PickleWriterTests {
    /// What Python's pickle writes at protocol 3 when it remembers nothing.
    static let golden: [(PickleValue, String)] = [
        (.none, "N"),
        (true, "\u{88}"),
        (255, "K\u{ff}"),
        (256, "M\u{00}\u{01}"),
        (-1, "J\u{ff}\u{ff}\u{ff}\u{ff}"),
        (65536, "J\u{00}\u{00}\u{01}\u{00}"),
        (0x8000_0000, "\u{8a}\u{05}\u{00}\u{00}\u{00}\u{80}\u{00}"),
        (1.5, "G\u{3f}\u{f8}\u{00}\u{00}\u{00}\u{00}\u{00}\u{00}"),
        ("é", "X\u{02}\u{00}\u{00}\u{00}\u{c3}\u{a9}"),
        (bytes("a"), "C\u{01}a"),
        (.tuple([]), ")"),
        (.tuple([1]), "K\u{01}\u{85}"),
        (.tuple([1, 2, 3, 4]), "(K\u{01}K\u{02}K\u{03}K\u{04}t"),
        ([], "]"),
        ([nil], "](Ne"),
        ([:], "}"),
        (["a": 1], "}(X\u{01}\u{00}\u{00}\u{00}aK\u{01}u"),
        (.set([1]), "cbuiltins\nset\n](K\u{01}e\u{85}R"),
        (.byteArray(ByteBuffer(string: "a")), "cbuiltins\nbytearray\nC\u{01}a\u{85}R"),
        (.global(PickleGlobal("m", "C")), "cm\nC\n"),
        (.global(PickleGlobal("m", "C\nN")), "X\u{01}\u{00}\u{00}\u{00}mX\u{03}\u{00}\u{00}\u{00}C\nN\u{93}"),
        (.persistentID(bytes("a")), "C\u{01}aQ"),
        (
            .object(PickleObject(.new, callable: .global(PickleGlobal("m", "C")), arguments: .tuple([]), state: 1)),
            "cm\nC\n)\u{81}K\u{01}b"
        ),
    ]

    @Test(arguments: golden.indices) func writesProtocol3(index: Int) {
        let (value, text) = Self.golden[index]
        #expect(pickle(value) == [0x80, 3] + latin1(text) + latin1("."))
    }

    @Test func lineFeedsInNamesEndNoName() throws {
        for global in [
            PickleGlobal("m", "C\nN."), PickleGlobal("m\nx", "C"), PickleGlobal("m", ".C"), PickleGlobal("", ""),
        ] {
            #expect(try unpickle(pickle(.global(global))) == .global(global))
        }
    }

    @Test(arguments: [
        "0", "-1", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "-9223372036854775809",
        "1000000000000000000000000000000", "-123456789012345678901234567890",
        "340282366920938463463374607431768211456",
    ]) func integersOfAnySizeHaveDecimalText(text: String) throws {
        let value = try #require(PickleValue(decimal: text))
        #expect(value.decimal == text)
        #expect(try unpickle(pickle(value)) == value)
    }

    @Test func accessorsGiveWhatIsThere() {
        let value: PickleValue = ["a": 1, "b": [nil, true, 1.5], "a": "last"]
        #expect(value["a"]?.asString == "last")
        #expect(value["b"]?.asSequence?.count == 3)
        #expect(value["c"] == nil)
        #expect(PickleValue.int(3).asDouble == 3)
        #expect(PickleValue.bool(true).asInt == nil)
        #expect(PickleValue.identifier(ObjectID(rawValue: 5)).asIdentifier(ObjectID.self) == ObjectID(rawValue: 5))
        #expect(bytes("1234567").asIdentifier(ObjectID.self) == nil)
        #expect(bytes("text").asText == "text")
        #expect(bytes("\u{ff}").asText == nil)
        #expect(PickleValue(decimal: "1x") == nil)
    }
}
