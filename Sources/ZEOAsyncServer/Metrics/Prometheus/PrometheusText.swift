//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// How names, texts and numbers are written for Prometheus.
enum PrometheusText {
    /// A metric's name: letters, digits, `_` and `:`.
    static func name(_ text: String) -> String { self.name(text, allowing: ":") }

    /// A label's name: letters, digits and `_`.
    static func labelName(_ text: String) -> String { self.name(text, allowing: "_") }

    private static func name(_ text: String, allowing other: Character) -> String {
        var name = String(
            text.map { character -> Character in
                let isPlain = character.isASCII && (character.isLetter || character.isNumber)
                return isPlain || character == other ? character : "_"
            }
        )
        if name.first.map(\.isNumber) ?? true { name = "_" + name }
        return name
    }

    static func escapedHelp(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
    }

    static func escapedLabel(_ text: String) -> String {
        self.escapedHelp(text).replacing("\"", with: "\\\"")
    }

    static func number(_ number: Double) -> String {
        if number.isNaN { return "NaN" }
        if number.isInfinite { return number < 0 ? "-Inf" : "+Inf" }
        if let whole = Int64(exactly: number) { return String(whole) }
        return String(number)
    }
}

/// What tells the metrics of one name apart.
struct PrometheusLabels: Hashable, Comparable {
    private let pairs: [[String]]

    init(_ dimensions: [(String, String)]) {
        self.pairs = dimensions.map { [PrometheusText.labelName($0), $1] }.sorted { $0[0] < $1[0] }
    }

    /// The labels in braces, with another one behind them; nothing where there are none.
    func text(_ other: (name: String, value: String)? = nil) -> String {
        var texts = self.pairs.map { "\($0[0])=\"\(PrometheusText.escapedLabel($0[1]))\"" }
        if let other { texts.append("\(other.name)=\"\(other.value)\"") }
        return texts.isEmpty ? "" : "{\(texts.joined(separator: ","))}"
    }

    static func < (one: PrometheusLabels, two: PrometheusLabels) -> Bool {
        one.pairs.lexicographicallyPrecedes(two.pairs) { $0.lexicographicallyPrecedes($1) }
    }
}
