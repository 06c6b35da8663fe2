//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Puts definitions and variables of the environment into values.
enum Substitution {
    /// What is wrong with a reference, as a sentence.
    struct Fault: Error {
        var message: String
    }

    /// The text with every `$name`, `${name}`, `$(NAME)` and `$$` replaced. Replacements are not looked into again.
    static func replace(
        _ text: String,
        definitions: [String: String],
        environment: (String) -> String?
    ) throws(Fault) -> String {
        var result = ""
        var rest = text[...]
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            rest = rest[dollar...].dropFirst()
            switch rest.first {
            case nil: throw Fault(message: "a lone '$' at the end of '\(text)'; a dollar sign is written '$$'")
            case "$":
                result += "$"
                rest.removeFirst()
            case "{":
                let name = try self.name(&rest, between: "{", "}")
                result += try self.definition(name, definitions)
            case "(":
                let name = try self.name(&rest, between: "(", ")")
                guard let value = environment(name) else {
                    throw Fault(message: "the environment has no variable '\(name)'")
                }
                result += value
            default:
                let name = rest.prefix(self.nameLength(rest))
                guard !name.isEmpty else {
                    throw Fault(message: "'$' is followed by no name; a dollar sign is written '$$'")
                }
                rest = rest.dropFirst(name.count)
                result += try self.definition(String(name), definitions)
            }
        }
        return result + rest
    }

    /// Whether a definition may have this name.
    static func isName(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && self.nameLength(Substring(text)) == text.count
    }

    private static func definition(_ name: String, _ definitions: [String: String]) throws(Fault) -> String {
        guard let value = definitions[name.lowercased()] else {
            let hint = Suggestion.text(
                for: name,
                among: Array(definitions.keys),
                none: "write '%define \(name) VALUE' first"
            )
            throw Fault(message: "'\(name)' is not defined; \(hint)")
        }
        return value
    }

    private static func name(
        _ rest: inout Substring,
        between open: Character,
        _ close: Character
    ) throws(Fault) -> String {
        rest.removeFirst()
        let name = rest.prefix(self.nameLength(rest))
        guard !name.isEmpty else { throw Fault(message: "'$\(open)' is followed by no name") }
        rest = rest.dropFirst(name.count)
        guard rest.first == close else { throw Fault(message: "'$\(open)\(name)' is not closed by '\(close)'") }
        rest.removeFirst()
        return String(name)
    }

    /// How much of the text is a name: a letter or underscore, then letters, digits and underscores, of ASCII.
    private static func nameLength(_ text: Substring) -> Int {
        var length = 0
        for character in text {
            guard character.isASCII, character.isLetter || character == "_" || length > 0 && character.isNumber else {
                break
            }
            length += 1
        }
        return length
    }
}
