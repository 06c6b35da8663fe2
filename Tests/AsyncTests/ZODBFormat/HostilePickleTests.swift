//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import ZODBFormat

@Suite(.timeLimit(.minutes(1))) struct HostilePickleTests {
    private func problem(_ bytes: some Sequence<UInt8>, limits: PickleReader.Limits = .init()) -> String {
        do {
            return "read: \(try unpickle(bytes, limits: limits).canonical.prefix(80))"
        } catch let error as FormatError {
            return error.problem
        } catch {
            return "\(error)"
        }
    }

    static let wrong: [(String, String)] = [
        ("", "ends too early"),
        ("\u{80}\u{06}N.", "protocol 6; 5 is the last one known"),
        ("\u{ff}", "unknown opcode 0xff"),
        (".", "takes more than the stack holds"),
        ("a.", "takes more than the stack holds"),
        ("K\u{01}(\u{85}.", "takes more than the stack holds"),
        ("t.", "takes a mark that was not set"),
        ("h\u{00}.", "memo has no value 0"),
        ("Np-1\n.", "a memo index that is none"),
        ("NNa.", "fills something that takes no such elements"),
        ("](K\u{01}u.", "a key without a value"),
        ("](K\u{01}K\u{02}u.", "fills something that takes no such elements"),
        ("}(K\u{01}e.", "fills something that takes no such elements"),
        ("}(K\u{01}\u{90}.", "fills something that takes no such elements"),
        ("]Nb.", "a state for something that is no object, or has one"),
        ("cm\nC\n)RNbNb.", "a state for something that is no object, or has one"),
        ("(o.", "an object without a class"),
        ("NN\u{93}.", "a global whose module and name are no strings"),
        ("S'a\n.", "wrong quotes or a wrong escape in a string"),
        ("S'\\xg0'\n.", "wrong quotes or a wrong escape in a string"),
        ("V\\ud800\n.", "a wrong escape in text"),
        ("X\u{03}\u{00}\u{00}\u{00}\u{ed}\u{a0}\u{80}.", "text that is not valid UTF-8"),
        ("F0x1p3\n.", "a float that is none"),
        ("I1x\n.", "an integer that is none"),
        ("\u{82}\u{01}.", "an extension code; the registry that would say what it means is not in the pickle"),
        ("\u{97}.", "a buffer out of band, which is not in the pickle"),
        // Lengths that are not there, negative, or larger than memory.
        ("T\u{ff}\u{ff}\u{ff}\u{ff}.", "ends too early"),
        ("B\u{ff}\u{ff}\u{ff}\u{ff}.", "ends too early"),
        ("\u{8e}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}.", "ends too early"),
        ("\u{8e}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{7f}.", "ends too early"),
        ("\u{8b}\u{ff}\u{ff}\u{ff}\u{ff}.", "ends too early"),
        ("\u{8b}\u{ff}\u{ff}\u{ff}\u{7f}.", "an integer of 2147483647 bytes"),
        ("\u{95}\u{ff}\u{00}\u{00}\u{00}\u{00}\u{00}\u{00}\u{00}N.", "ends too early"),
        // Values that contain themselves.
        ("]\u{94}h\u{00}a.", "a value that contains itself"),
        ("]\u{94}h\u{00}\u{85}a.", "a value that contains itself"),
        ("}\u{94}Nh\u{00}s.", "a value that contains itself"),
        ("cm\nC\n)\u{81}\u{94}h\u{00}b.", "a value that contains itself"),
    ]

    @Test(arguments: wrong.indices) func saysWhatIsWrong(index: Int) {
        let (pickle, expected) = Self.wrong[index]
        #expect(self.problem(latin1(pickle)) == expected)
    }

    @Test func refusesABillionLaughs() {
        var tuples = latin1("N\u{94}")
        for level in UInt8(0)..<40 {
            tuples += latin1("(") + (0..<10).flatMap { _ in [UInt8(ascii: "h"), level] } + latin1("t\u{94}")
        }
        #expect(self.problem(tuples + latin1(".")).contains("shared ones counted each time"))
        var lists = latin1("]\u{94}")
        for level in UInt8(0)..<40 {
            lists += latin1("](") + (0..<10).flatMap { _ in [UInt8(ascii: "h"), level] } + latin1("e\u{94}")
        }
        #expect(self.problem(lists + latin1(".")).contains("shared ones counted each time"))
        // One long text again and again.
        let text = latin1("B\u{00}\u{00}\u{10}\u{00}") + [UInt8](repeating: 0, count: 1 << 20)
        let many = (0..<20_000).flatMap { _ in latin1("h\u{00}") }
        #expect(self.problem(text + latin1("\u{94}(") + many + latin1("t.")).contains("shared ones counted each time"))
    }

    @Test func refusesToCopySharedTextWithoutEnd() {
        let text = latin1("X\u{00}\u{00}\u{01}\u{00}") + [UInt8](repeating: 65, count: 1 << 16)
        let call = latin1("h\u{01}h\u{00}h\u{02}\u{86}R")
        let start = text + latin1("\u{94}c_codecs\nencode\n\u{94}\u{8c}\u{06}latin1\u{94}")
        #expect(
            self.problem(start + (0..<10_000).flatMap { _ in call } + latin1(".")) == "copies more text than it has"
        )
        // A name that gets longer with each call: 0 is the text, 1 getattr, 2 the class.
        let names = text + latin1("\u{94}cbuiltins\ngetattr\n\u{94}cm\nA\n\u{94}")
        let step = latin1("h\u{01}h\u{02}h\u{00}\u{86}Rq\u{02}")
        #expect(
            self.problem(names + (0..<10_000).flatMap { _ in step } + latin1("N.")) == "copies more text than it has"
        )
    }

    @Test func refusesDeepValuesOfEveryKind() {
        let depth = 50_000
        for step in ["\u{85}", "Q"] {
            let pickle = latin1("N") + (0..<depth).flatMap { _ in latin1(step) } + latin1(".")
            #expect(self.problem(pickle) == "values nested more than 500 deep")
        }
        let lists =
            (0..<depth).map { _ in UInt8(ascii: "]") } + (1..<depth).map { _ in UInt8(ascii: "a") } + latin1(".")
        #expect(self.problem(lists) == "values nested more than 500 deep")
        let marks =
            (0..<depth).map { _ in UInt8(ascii: "(") } + (0..<depth).map { _ in UInt8(ascii: "l") } + latin1(".")
        #expect(self.problem(marks) == "values nested more than 500 deep")
        let objects =
            (0..<depth).flatMap { _ in latin1("cm\nC\n)R") } + (1..<depth).map { _ in UInt8(ascii: "b") } + latin1(".")
        #expect(self.problem(objects) == "values nested more than 500 deep")
    }

    @Test func valuesAtTheDepthLimitAreUsable() throws {
        let objects =
            (0..<499).flatMap { _ in latin1("cm\nC\n)R") } + (1..<499).map { _ in UInt8(ascii: "b") } + latin1(".")
        let value = try unpickle(objects)
        #expect(value == (try unpickle(objects)))
        #expect(value.hashValue == (try unpickle(objects)).hashValue)
        #expect(try unpickle(pickle(value)) == value)
        let tuples = try unpickle(latin1("N") + [UInt8](repeating: 0x85, count: 500) + latin1("."))
        #expect(try unpickle(pickle(tuples)) == tuples)
    }

    @Test func keepsToItsLimits() {
        var limits = PickleReader.Limits()
        limits.maximumValues = 100
        limits.maximumMemoEntries = 10
        limits.maximumIntegerBytes = 10
        let nones = [UInt8](repeating: UInt8(ascii: "N"), count: 101)
        #expect(self.problem(nones, limits: limits) == "more than 100 values")
        #expect(
            self.problem([UInt8](repeating: UInt8(ascii: "("), count: 101), limits: limits) == "more than 100 values"
        )
        #expect(
            self.problem(latin1("N") + [UInt8](repeating: 0x94, count: 11), limits: limits)
                == "remembers more than 10 values"
        )
        #expect(self.problem(latin1("\u{8a}\u{0b}") + nones, limits: limits) == "an integer of 11 bytes")
        let digits = [UInt8](repeating: UInt8(ascii: "1"), count: 40)
        #expect(self.problem(latin1("L") + digits + latin1("\n."), limits: limits) == "an integer of 40 digits")
        // Copies made by calls count as well.
        let copies =
            latin1("(") + nones.prefix(20) + latin1("t\u{94}cbuiltins\nset\n\u{94}")
            + (0..<10).flatMap { _ in latin1("h\u{01}h\u{00}\u{85}R") }
        #expect(self.problem(copies, limits: limits) == "more than 100 values")
    }

    static let corpus = PickleReaderTests.golden.map { latin1($0.0) } + PickleReaderTests.objects.map { latin1($0.0) }

    @Test func survivesEveryTruncation() {
        for pickle in Self.corpus {
            for length in 0..<pickle.count {
                #expect(self.problem(pickle.prefix(length)) != "", "of \(pickle)")
                #expect(throws: FormatError.self) { try unpickle(pickle.prefix(length)) }
            }
        }
    }

    @Test func survivesFlippedBytes() {
        var generator = SplitMix(state: 20_261_122)
        let long = Self.corpus.flatMap { $0.dropLast() } + latin1(".")
        for _ in 0..<5_000 {
            var pickle =
                generator.next() % 4 == 0 ? long : Self.corpus[Int(generator.next() % UInt64(Self.corpus.count))]
            for _ in 0...generator.next() % 4 {
                pickle[Int(generator.next() % UInt64(pickle.count))] = UInt8(truncatingIfNeeded: generator.next())
            }
            var buffer = ByteBuffer(bytes: pickle)
            guard let value = try? PickleReader().read(from: &buffer) else { continue }
            // What was read can be written and read again.
            _ = try? unpickle(AsyncTests.pickle(value))
        }
    }
}

/// A small generator of pseudo-random numbers whose sequence a test can repeat.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var z = self.state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
