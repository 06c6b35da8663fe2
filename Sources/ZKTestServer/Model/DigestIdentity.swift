//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// The scheme `digest`: whoever shows `user:password` is `user:` and the base64 of the SHA-1 of both.
extension Identity {
    init(digestOf credential: [UInt8]) {
        // Taken as a text first: bytes that are none become replacement characters, and are hashed as such.
        let text = Array(String(decoding: credential, as: UTF8.self).utf8)
        let user = String(decoding: text.prefix { $0 != UInt8(ascii: ":") }, as: UTF8.self)
        self.init(scheme: "digest", id: user + ":" + base64(sha1(text)))
    }

    /// Exactly a user and a hash; ZooKeeper looks no closer.
    var isWellFormedDigest: Bool {
        // As Java splits: what is empty at the end does not count.
        var parts = self.id.split(separator: ":", omittingEmptySubsequences: false)
        while parts.count > 1, parts.last?.isEmpty == true { parts.removeLast() }
        return parts.count == 2
    }
}

/// The SHA-1 of a few bytes. Only for the digests that ZooKeeper's access lists are made of.
private func sha1(_ message: [UInt8]) -> [UInt8] {
    var padded = message + [0x80]
    while padded.count % 64 != 56 { padded.append(0) }
    let bitCount = UInt64(message.count) * 8
    padded += (0..<8).map { UInt8(truncatingIfNeeded: bitCount >> UInt64(56 - 8 * $0)) }

    func rotated(_ word: UInt32, by count: UInt32) -> UInt32 { word << count | word >> (32 - count) }
    var state: [UInt32] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0]
    for start in stride(from: 0, to: padded.count, by: 64) {
        var words = (0..<16).map { word in
            padded[start + 4 * word..<start + 4 * word + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        }
        for index in 16..<80 {
            words.append(
                rotated(words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16], by: 1)
            )
        }
        var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
        for index in 0..<80 {
            let mixed: UInt32
            switch index {
            case ..<20: mixed = (b & c | ~b & d) &+ 0x5a82_7999
            case ..<40: mixed = (b ^ c ^ d) &+ 0x6ed9_eba1
            case ..<60: mixed = (b & c | b & d | c & d) &+ 0x8f1b_bcdc
            default: mixed = (b ^ c ^ d) &+ 0xca62_c1d6
            }
            (a, b, c, d, e) = (rotated(a, by: 5) &+ mixed &+ e &+ words[index], a, rotated(b, by: 30), c, d)
        }
        state = zip(state, [a, b, c, d, e]).map { $0 &+ $1 }
    }
    return state.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(24 - 8 * $0)) } }
}

private func base64(_ bytes: [UInt8]) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    var text = ""
    for start in stride(from: 0, to: bytes.count, by: 3) {
        let group = bytes[start..<min(start + 3, bytes.count)]
        let bits = (group + [0, 0]).prefix(3).reduce(0) { $0 << 8 | Int($1) }
        for position in 0..<4 {
            text.append(position <= group.count ? alphabet[bits >> (18 - 6 * position) & 63] : "=")
        }
    }
    return text
}
