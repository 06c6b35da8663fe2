//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Changes inputs a little, the same way for the same seed.
struct Mutator {
    /// Numbers at which code that counts goes wrong.
    private static let numbers: [UInt64] = [
        0, 1, 2, 7, 8, 22, 23, 31, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000,
        0xffff_ffff, 1 << 32, 1 << 48, 1 << 62, .max >> 1, .max - 1, .max,
    ]

    /// Pieces that mean something in the format.
    let words: [[UInt8]]
    private(set) var random: SeededGenerator

    init(seed: UInt64, words: [[UInt8]]) {
        self.words = words
        self.random = SeededGenerator(seed: seed)
    }

    /// A seed, changed in a few places, none longer than `limit`. `fields` says where numbers or heads stand in a seed.
    mutating func input(
        from seeds: [[UInt8]],
        fields: (_ seed: Int) -> [Range<Int>] = { _ in [] },
        limit: Int = 1 << 16
    ) -> [UInt8] {
        let index = Int.random(in: 0..<seeds.count, using: &self.random)
        var bytes = seeds[index]
        let known = fields(index)
        for _ in 0..<Int.random(in: 1...6, using: &self.random) {
            if bytes.isEmpty { bytes = [UInt8.random(in: 0...255, using: &self.random)] }
            if !known.isEmpty, self.random.chance(50) {
                let field = known.randomElement(using: &self.random)!
                if field.upperBound <= bytes.count { self.setNumber(in: &bytes, field) }
            } else {
                self.change(&bytes, seeds)
            }
        }
        return bytes.count > limit ? Array(bytes[..<limit]) : bytes
    }

    private mutating func change(_ bytes: inout [UInt8], _ seeds: [[UInt8]]) {
        let place = Int.random(in: 0..<bytes.count, using: &self.random)
        let length = min(
            bytes.count - place,
            Int.random(in: 1...[4, 64, 4096].randomElement(using: &self.random)!, using: &self.random)
        )
        switch Int.random(in: 0..<9, using: &self.random) {
        case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &self.random)
        case 1: bytes[place] = UInt8.random(in: 0...255, using: &self.random)
        case 2: bytes.removeSubrange(place..<place + length)
        case 3: bytes.insert(contentsOf: bytes[place..<place + length], at: place)
        case 4: bytes.removeSubrange(place...)
        case 5:
            let width = [1, 2, 4, 8].randomElement(using: &self.random)!
            self.setNumber(in: &bytes, place..<min(place + width, bytes.count))
        case 6, 7:
            guard let word = self.words.randomElement(using: &self.random) else { return }
            if self.random.chance(50) {
                bytes.insert(contentsOf: word, at: place)
            } else {
                bytes.replaceSubrange(place..<min(place + word.count, bytes.count), with: word)
            }
        default:
            let other = seeds.randomElement(using: &self.random)!
            guard !other.isEmpty else { return }
            let cut = Int.random(in: 0..<other.count, using: &self.random)
            bytes.replaceSubrange(place..., with: other[cut...])
        }
    }

    private mutating func setNumber(in bytes: inout [UInt8], _ range: Range<Int>) {
        var number = Self.numbers.randomElement(using: &self.random)!
        if self.random.chance(30) { number = UInt64(bytes.count) &+ number &- 16 }
        if self.random.chance(20) { number = number.byteSwapped }
        for (offset, place) in range.reversed().enumerated() {
            bytes[place] = offset < 8 ? UInt8(truncatingIfNeeded: number >> UInt64(offset * 8)) : 0
        }
    }
}
