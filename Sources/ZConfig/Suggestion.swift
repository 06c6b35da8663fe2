//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// What somebody may have meant who wrote a word that is not known.
enum Suggestion {
    /// A clause that names the nearest known word, or else all of them.
    static func text(for word: String, among known: [String], none: String) -> String {
        if known.isEmpty { return none }
        let word = word.lowercased()
        let nearest = known.map { (name: $0, distance: self.distance(word, $0.lowercased())) }
            .min { $0.distance < $1.distance }
        if let nearest, nearest.distance <= max(1, nearest.name.count / 3) {
            return "did you mean '\(nearest.name)'?"
        }
        return "known here: " + known.sorted().joined(separator: ", ")
    }

    /// How many letters must be changed, added, dropped or swapped with their neighbour to come from one to the other.
    private static func distance(_ one: String, _ other: String) -> Int {
        let (one, other) = (Array(one), Array(other))
        guard one.count < 100, other.count < 100 else { return Int.max }
        var rows = [Array(0...other.count)]
        for i in 1..<(one.count + 1) {
            var row = [i]
            for j in 1..<(other.count + 1) {
                let change = rows[i - 1][j - 1] + (one[i - 1] == other[j - 1] ? 0 : 1)
                var best = min(change, rows[i - 1][j] + 1, row[j - 1] + 1)
                if i > 1, j > 1, one[i - 1] == other[j - 2], one[i - 2] == other[j - 1] {
                    best = min(best, rows[i - 2][j - 2] + 1)
                }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[one.count][other.count]
    }
}
