//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import OrderedCollections
import Testing
import ZODBFormat

@testable import ZODB

@Suite struct PersistentValueTests {
    static var plain: [PersistentValue] {
        [
            .null, true, false, 0, -1, .int(.max), .int(.min), .bigInteger(BigInteger("18446744073709551616")!), 1.5,
            "text ü 🐟", .bytes(ByteBuffer(bytes: [0, 255])), [1, "two", [3.0]], .tuple([.null, .tuple([])]),
            ["a": 1, 2: "b", .null: ["nested": true]], .set([1, "two"]),
            .opaque(
                .object(
                    PickleObject(.reduce, callable: .global(PickleGlobal("datetime", "date")), arguments: .tuple([]))
                )
            ),
            .frozenSet([.tuple([1])]), .opaque(.byteArray(ByteBuffer(bytes: [1]))),
            .reference(PersistentReference(persistentID: .tuple([.bytes(ObjectID(rawValue: 7).bytes), .none]))),
        ]
    }

    @Test(arguments: 0..<19)
    func aValueThatIsPickledReadsAsItself(_ index: Int) {
        #expect(Self.plain.count == 19)
        let value = Self.plain[index]
        #expect(PersistentValue(value.pickle) == value)
    }

    @Test func aDictionaryKeepsItsOrder() {
        let items = [PickleItem(.string("b"), .int(1)), PickleItem(.string("a"), .int(2))]
        #expect(PersistentValue(.dict(items)).dictionary?.keys == ["b", "a"])
        #expect(PersistentValue(.dict(items)).dictionary?["b"] == 1)
    }

    @Test func keysThatOnlySwiftTakesForEqualAreTwoKeys() throws {
        let items = [PickleItem(.string("e\u{301}"), .int(1)), PickleItem(.string("\u{e9}"), .int(2))]
        let value = PersistentValue(.dict(items))
        #expect(value.dictionary?.count == 2)
        #expect(value.dictionary?["\u{e9}"] == 2)
        #expect(value.pickle == .dict(items))
        #expect(PickleValue.string("e\u{301}") != .string("\u{e9}"))
    }

    @Test func aDictionaryWhoseKeysCannotBeToldApartIsKeptWhole() {
        let object = PickleObject(.reduce, callable: .global(PickleGlobal("builtins", "object")), arguments: .tuple([]))
        let pickle = PickleValue.dict([PickleItem(.object(object), .int(1)), PickleItem(.object(object), .int(2))])
        #expect(PersistentValue(pickle) == .opaque(pickle))
        let state = PickleValue.dict([PickleItem(.string("data"), pickle)])
        #expect(throws: FormatError.self) {
            try PersistentMapping(classDescription: .global(PersistentMapping.currentClass), state: state)
        }
    }

    @Test func accessorsGiveWhatIsThereAndNothingElse() {
        let values: [PersistentValue] = [true, 1, 2.5, "s", [1], .null]
        #expect(values.map(\.bool) == [true, nil, nil, nil, nil, nil])
        #expect(values.map(\.int) == [nil, 1, nil, nil, nil, nil])
        #expect(values.map(\.double) == [nil, 1, 2.5, nil, nil, nil])
        #expect(values.map(\.string) == [nil, nil, nil, "s", nil, nil])
        #expect(values.map(\.elements) == [nil, nil, nil, nil, [1], nil])
        #expect(values.map(\.isNull) == [false, false, false, false, false, true])
    }

    @Test func referencesToOtherPlacesKeepTheirFormAndHaveNoObject() {
        let weak = PickleValue.list([.string("w"), .tuple([.bytes(ObjectID(rawValue: 9).bytes)])])
        let reference = PersistentReference(persistentID: weak)
        #expect(reference.oid == nil)
        #expect(reference.persistentID == weak)
        let bare = PersistentReference(persistentID: .bytes(ObjectID(rawValue: 9).bytes))
        #expect(bare.oid == ObjectID(rawValue: 9))
        #expect(bare.pythonClass == nil)
    }

    @Test func referencesAreEqualWhenTheyNameTheSameObject() {
        let object = PersistentMapping()
        #expect(PersistentReference(to: object) == PersistentReference(to: object))
        #expect(PersistentReference(to: object) != PersistentReference(to: PersistentMapping()))
        object.oid = ObjectID(rawValue: 3)
        let stored = PersistentReference(persistentID: .bytes(ObjectID(rawValue: 3).bytes))
        #expect(PersistentReference(to: object) == stored)
        #expect(stored.hashValue == PersistentReference(to: object).hashValue)
    }
}

@Suite struct BigIntegerTests {
    @Test(arguments: [
        "0", "1", "-1", "127", "128", "-128", "-129", "255", "256", "9223372036854775807", "9223372036854775808",
        "-9223372036854775808", "-9223372036854775809", "18446744073709551615", "1000000000000000000000000000",
        "-340282366920938463463374607431768211456", "100000000000000000000000000000000000000000000000000000000000",
    ])
    func decimalDigitsSurvive(_ text: String) throws {
        let value = try #require(BigInteger(text))
        #expect(value.description == text)
        #expect(
            value
                == BigInteger(twosComplement: value.bytes + [value.isNegative ? 0xff : 0, value.isNegative ? 0xff : 0])
        )
        if let int = Int(text) { #expect(BigInteger(int) == value) }
        if let wide = Int128(text) { #expect(BigInteger(wide) == value) }
    }

    @Test(arguments: ["", "-", "+1", "1a", " 1", "0x1", "١"])
    func anythingElseIsNoNumber(_ text: String) {
        #expect(BigInteger(text) == nil)
    }

    @Test func theBytesAreTheShortestTwosComplement() {
        #expect(BigInteger(0).bytes == [])
        #expect(BigInteger(127).bytes == [127])
        #expect(BigInteger(128).bytes == [128, 0])
        #expect(BigInteger(-128).bytes == [128])
        #expect(BigInteger(UInt64.max).bytes == [255, 255, 255, 255, 255, 255, 255, 255, 0])
        #expect(PersistentValue.integer(UInt64.max) == .bigInteger(BigInteger(UInt64.max)))
        #expect(PersistentValue.integer(UInt8(3)) == 3)
    }
}
