//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import ZODBFormat

@Suite(.timeLimit(.minutes(1))) struct HostileRecordMergeTests {
    /// A record of an object-to-object set whose state is given as instructions, one byte a character.
    private func set(_ state: String) -> ByteBuffer {
        ByteBuffer(bytes: latin1("\u{80}\u{03}cBTrees.OOBTree\nOOSet\nq\u{00}.\u{80}\u{03}" + state + "."))
    }

    private func refusal(_ old: String, _ committed: String, _ new: String) -> MergeRefusal? {
        do {
            _ = try RecordMerge.merge(old: self.set(old), committed: self.set(committed), new: self.set(new))
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [
        "N", "K\u{01}", "]", ")", "N\u{85}", "]\u{85}", ")N\u{86}", "))\u{86}", ")NN\u{87}", "}\u{85}",
        ")K\u{01}Q\u{86}", ")]Q\u{86}", ")](K\u{01}K\u{02}eQ\u{86}", ")C\u{01}xNNN\u{87}\u{86}Q\u{86}",
    ])
    func statesOfAWrongShapeAreRefused(_ state: String) {
        guard case .unexpectedState = self.refusal(state, state, state) else {
            Issue.record("\(String(describing: self.refusal(state, state, state)))")
            return
        }
    }

    @Test(arguments: [
        "", "t", "h\u{01}", "\u{80}\u{04}N", "\u{ff}", "X\u{01}\u{00}\u{00}\u{00}\u{ff}", "U\u{01}\u{ff}",
        "C\u{ff}", "]K\u{01}", "c\n\n", "ca\nb.c\n", "Inope\n", "(K\u{01}u", "NNa",
    ])
    func damagedPicklesAreRefused(_ state: String) {
        #expect(self.refusal(state, state, state) != nil)
    }

    @Test(arguments: ["cos\nsystem\n)R\u{85}\u{85}", "ca\nB\n)\u{81}}b\u{85}\u{85}", "\u{82}\u{01}\u{85}\u{85}"])
    func objectsAreTheApplicationsAndNothingIsCalled(_ state: String) {
        #expect(self.refusal(state, state, state) == .needsApplication("an object that is no plain data"))
    }

    @Test func depthIsBounded() {
        let deep = String(repeating: "]", count: 10_000) + "N" + String(repeating: "a", count: 10_000)
        #expect(self.refusal("K\u{01}\u{85}\u{85}", "K\u{01}\u{85}\u{85}", deep + "\u{85}\u{85}") != nil)
        // Comparing is as deep as writing.
        #expect(self.refusal(deep + "\u{85}\u{85}", deep + "\u{85}\u{85}", deep + "\u{85}\u{85}") == .tooLarge)
        // One key is inserted, and none is compared with it.
        #expect(self.refusal(")\u{85}", "K\u{01}\u{85}\u{85}", deep + "\u{85}\u{85}") != nil)
    }

    @Test func containersThatContainThemselvesAreNeverComparedButWritten() {
        let cyclic = "]q\u{01}h\u{01}a\u{85}\u{85}"
        #expect(self.refusal(cyclic, cyclic, cyclic) == .tooLarge)
        // Python writes such a key, too, where it is compared with nothing.
        let other = "(K\u{01}]q\u{01}h\u{01}at\u{85}"
        #expect(self.refusal("K\u{01}\u{85}\u{85}", "K\u{01}\u{85}\u{85}", other) == nil)
    }

    @Test func comparisonsThatGrowExponentiallyEnd() {
        // Each tuple has the one before it twice.
        var laughs = "K\u{01}"
        for index in 1...60 {
            let byte = String(UnicodeScalar(UInt8(index)))
            laughs += "q" + byte + "h" + byte + "\u{86}"
        }
        laughs += "\u{85}\u{85}"
        #expect(self.refusal(laughs, laughs, laughs) == .tooLarge)
    }

    @Test func everyPrefixAndManyDamagesEndInARefusalOrAMerge() throws {
        let old = Array(
            self.set(
                "(X\u{01}\u{00}\u{00}\u{00}aX\u{02}\u{00}\u{00}\u{00}bcq\u{01}K\u{05}K\u{06}\u{86}t"
                    + "C\u{08}12345678q\u{02}cA\nB\nq\u{03}\u{86}Q\u{86}"
            ).readableBytesView
        )
        for length in old.indices {
            let cut = ByteBuffer(bytes: old[..<length])
            #expect(throws: MergeRefusal.self) {
                try RecordMerge.merge(old: ByteBuffer(bytes: old), committed: ByteBuffer(bytes: old), new: cut)
            }
        }
        var generator = SeededGenerator(seed: TestSeed.value)
        for _ in 0..<5000 {
            var damaged = old
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                damaged[Int.random(in: old.indices, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            _ = try? RecordMerge.merge(
                old: ByteBuffer(bytes: old),
                committed: ByteBuffer(bytes: Bool.random() ? old : damaged),
                new: ByteBuffer(bytes: damaged)
            )
        }
    }
}
