//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Formats with places like `$levelname` and `${levelname}`.
enum DollarFormat {
    static func pieces(of text: String, isSafe: Bool) throws(LogFormat.Fault) -> [LogFormat.Piece] {
        var pieces: [LogFormat.Piece] = []
        var rest = text[...]
        while let dollar = rest.firstIndex(of: "$") {
            pieces.append(.text(String(rest[..<dollar])))
            rest = rest[dollar...].dropFirst()
            let hasBrace = rest.first == "{"
            let name = Self.name(hasBrace ? rest.dropFirst() : rest)
            let behind = rest.dropFirst(name.count + (hasBrace ? 1 : 0))
            if rest.first == "$" {
                pieces.append(.text("$"))
                rest = rest.dropFirst()
            } else if !name.isEmpty, !hasBrace || behind.first == "}" {
                let written = hasBrace ? "${\(name)}" : "$\(name)"
                pieces.append(.field(String(name), FieldLayout(), written: written))
                rest = hasBrace ? behind.dropFirst() : behind
            } else if isSafe {
                pieces.append(.text("$"))
            } else {
                throw LogFormat.Fault(message: "a '$' needs a field behind it, as in ${message}; a dollar sign is '$$'")
            }
        }
        pieces.append(.text(String(rest)))
        return pieces.filter { $0 != .text("") }
    }

    private static func name(_ text: Substring) -> Substring {
        guard let first = text.first, first == "_" || first.isASCII && first.isLetter else { return text.prefix(0) }
        return text.prefix { $0 == "_" || $0.isASCII && ($0.isLetter || $0.isNumber) }
    }
}
