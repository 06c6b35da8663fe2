//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import ZODBFormat

@Suite struct PickleReaderTests {
    static let golden: [(String, PickleValue)] = [
        ("N.", .none),
        ("I01\n.", .bool(true)),
        ("I00\n.", .bool(false)),
        ("\u{80}\u{02}\u{88}.", .bool(true)),
        ("I-7\n.", .int(-7)),
        ("K\u{ff}.", .int(255)),
        ("M\u{01}\u{02}.", .int(0x201)),
        ("J\u{fe}\u{ff}\u{ff}\u{ff}.", .int(-2)),
        ("L-12L\n.", .int(-12)),
        ("L9223372036854775808L\n.", .bigInt([0, 0, 0, 0, 0, 0, 0, 0x80, 0])),
        ("L-9223372036854775809L\n.", .bigInt([255, 255, 255, 255, 255, 255, 255, 0x7f, 0xff])),
        ("L-9223372036854775808L\n.", .int(.min)),
        ("\u{8a}\u{00}.", .int(0)),
        ("\u{8a}\u{02}\u{ff}\u{00}.", .int(255)),
        ("\u{8a}\u{0a}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}.", .int(-1)),
        ("\u{8b}\u{01}\u{00}\u{00}\u{00}\u{80}.", .int(-128)),
        ("F1.5\n.", .float(1.5)),
        ("F-inf\n.", .float(-.infinity)),
        ("G\u{3f}\u{f8}\u{00}\u{00}\u{00}\u{00}\u{00}\u{00}.", .float(1.5)),
        ("S'a\\n\\x41\\'\\101\\q'\n.", bytes("a\nA'A\\q")),
        ("S\"it's\"\n.", bytes("it's")),
        ("T\u{02}\u{00}\u{00}\u{00}a\u{ff}.", bytes("a\u{ff}")),
        ("U\u{01}a.", bytes("a")),
        ("V\u{e9}\\u20ac\\U0001f600\\\\u0041\n.", .string("é€😀\\\\u0041")),
        ("X\u{02}\u{00}\u{00}\u{00}\u{c3}\u{a9}.", .string("é")),
        ("\u{8c}\u{01}a.", .string("a")),
        ("\u{8d}\u{01}\u{00}\u{00}\u{00}\u{00}\u{00}\u{00}\u{00}a.", .string("a")),
        ("C\u{01}a.", bytes("a")),
        ("B\u{01}\u{00}\u{00}\u{00}a.", bytes("a")),
        ("\u{8e}\u{01}\u{00}\u{00}\u{00}\u{00}\u{00}\u{00}\u{00}a.", bytes("a")),
        ("\u{96}\u{01}\u{00}\u{00}\u{00}\u{00}\u{00}\u{00}\u{00}a.", .byteArray(ByteBuffer(string: "a"))),
        (").", .tuple([])),
        ("(K\u{01}NI01\nK\u{02}t.", .tuple([.int(1), .none, .bool(true), .int(2)])),
        ("K\u{01}NN\u{87}.", .tuple([.int(1), .none, .none])),
        ("(lp0\nI1\naI2\na.", .list([.int(1), .int(2)])),
        ("](K\u{01}K\u{02}e.", .list([.int(1), .int(2)])),
        ("(K\u{01}K\u{02}d.", .dict([PickleItem(.int(1), .int(2))])),
        ("}(K\u{01}K\u{02}K\u{01}K\u{03}u.", .dict([PickleItem(.int(1), .int(2)), PickleItem(.int(1), .int(3))])),
        ("}K\u{01}Ns.", .dict([PickleItem(.int(1), .none)])),
        ("\u{8f}(K\u{01}\u{90}.", .set([.int(1)])),
        ("(K\u{01}\u{91}.", .frozenSet([.int(1)])),
        ("cBTrees.OOBTree\nOOBTree\n.", .global(PickleGlobal("BTrees.OOBTree", "OOBTree"))),
        ("\u{8c}\u{01}m\u{8c}\u{03}A.B\u{93}.", .global(PickleGlobal("m", "A.B"))),
        ("cbuiltins\ngetattr\ncm\nA\nX\u{01}\u{00}\u{00}\u{00}B\u{86}R.", .global(PickleGlobal("m", "A.B"))),
        ("Pabc\n.", .persistentID(.string("abc"))),
        ("C\u{01}a]Q0Q.", .persistentID(bytes("a"))),
        ("K\u{01}(K\u{02}K\u{03}10K\u{04}.", .int(4)),
        ("K\u{01}2\u{86}.", .tuple([.int(1), .int(1)])),
        ("\u{80}\u{05}\u{95}\u{04}\u{00}\u{00}\u{00}\u{00}\u{00}\u{00}\u{00}]\u{94}h\u{00}0.", .list([])),
        // What older protocols spell as calls.
        ("c_codecs\nencode\n(V\u{ff}a\nVlatin1\ntR.", bytes("\u{ff}a")),
        ("c__builtin__\nbytes\n(tR.", bytes("")),
        ("c__builtin__\nbytearray\n(V\u{ff}\nVlatin-1\ntR.", .byteArray(ByteBuffer(bytes: [255]))),
        ("cbuiltins\nbytearray\nC\u{01}a\u{85}R.", .byteArray(ByteBuffer(string: "a"))),
        ("cbuiltins\nset\n]K\u{01}a\u{85}R.", .set([.int(1)])),
        ("c__builtin__\nfrozenset\n((I1\nI2\nlp1\ntR.", .frozenSet([.int(1), .int(2)])),
        ("cbuiltins\nset\n)R.", .set([])),
        ("cbuiltins\ndict\n)RK\u{01}K\u{02}s.", .dict([PickleItem(.int(1), .int(2))])),
        ("cbuiltins\ndict\n]K\u{01}K\u{02}\u{86}a\u{85}R.", .dict([PickleItem(.int(1), .int(2))])),
        ("cbuiltins\nlist\nK\u{01}N\u{86}\u{85}R.", .list([.int(1), .none])),
        ("czodbpickle\nbinary\nU\u{01}a\u{85}R.", bytes("a")),
        ("czodbpickle\nbinary\nU\u{01}a\u{85}\u{81}.", bytes("a")),
        ("ccopy_reg\n_reconstructor\n(czodbpickle\nbinary\nc__builtin__\nstr\nU\u{01}atR.", bytes("a")),
    ]

    @Test(arguments: golden.indices) func readsEveryForm(index: Int) throws {
        let (text, value) = Self.golden[index]
        #expect(try unpickle(latin1(text)) == value)
    }

    static let thing = PickleValue.global(PickleGlobal("m", "C"))

    static let objects: [(String, PickleObject)] = [
        ("cm\nC\n(I1\ntR.", PickleObject(.reduce, callable: thing, arguments: .tuple([.int(1)]))),
        ("cm\nC\n)\u{81}.", PickleObject(.new, callable: thing, arguments: .tuple([]))),
        (
            "cm\nC\n)}K\u{01}Ns\u{92}.",
            PickleObject(.newWithKeywords(.dict([PickleItem(.int(1), .none)])), callable: thing, arguments: .tuple([]))
        ),
        ("(I1\nim\nC\n.", PickleObject(.reduce, callable: thing, arguments: .tuple([.int(1)]))),
        ("(im\nC\n.", PickleObject(.new, callable: thing, arguments: .tuple([]))),
        ("(cm\nC\nI1\no.", PickleObject(.reduce, callable: thing, arguments: .tuple([.int(1)]))),
        (
            "cm\nC\n)\u{81}(K\u{01}K\u{02}eK\u{03}a(K\u{04}K\u{05}uNb.",
            PickleObject(
                .new,
                callable: thing,
                arguments: .tuple([]),
                state: PickleValue.none,
                listItems: [.int(1), .int(2), .int(3)],
                dictItems: [PickleItem(.int(4), .int(5))]
            )
        ),
    ]

    @Test(arguments: objects.indices) func describesObjects(index: Int) throws {
        let (text, object) = Self.objects[index]
        #expect(try unpickle(latin1(text)) == .object(object))
    }

    @Test func sharesListsThatAreFilledLater() throws {
        // x = []; t = (x, x); x.append(1)
        #expect(
            try unpickle(latin1("]\u{94}h\u{00}\u{86}\u{94}h\u{00}K\u{01}a0."))
                == .tuple([.list([.int(1)]), .list([.int(1)])])
        )
        // A copy that a call makes does not change any more.
        #expect(
            try unpickle(latin1("]\u{94}cbuiltins\nset\nh\u{00}\u{85}Rh\u{00}K\u{01}a\u{86}."))
                == .tuple([.set([]), .list([.int(1)])])
        )
    }

    @Test func leavesTheIndexBehindThePickle() throws {
        var buffer = ByteBuffer(string: "N.I1\n.rest")
        #expect(try PickleReader().read(from: &buffer) == .none)
        #expect(try PickleReader().read(from: &buffer) == .int(1))
        #expect(throws: FormatError.self) { try PickleReader().read(from: &buffer) }
        #expect(String(buffer: buffer) == "rest")
    }

    @Test func findsMemoEntriesWithGaps() throws {
        let far = "\u{ff}\u{ff}\u{ff}\u{ff}"
        let pickle = "K\u{01}r\(far)K\u{02}q\u{01}K\u{03}p5\n0j\(far)h\u{01}g5\n\u{87}."
        #expect(try unpickle(latin1(pickle)) == .tuple([.int(1), .int(2), .int(3)]))
    }
}
