//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

extension Datatype where Value == String {
    /// Any text.
    public static var string: Datatype<String> { Datatype("text") { text in text } }

    /// Text that is not empty.
    public static var nonEmptyString: Datatype<String> {
        Datatype("text that is not empty") { text throws(Fault) in
            guard !text.isEmpty else { throw Fault() }
            return text
        }
    }

    /// A name as Python has them: letters, digits and underscores, no digit first.
    public static var identifier: Datatype<String> {
        Datatype("a name of letters, digits and underscores") { text throws(Fault) in
            guard Substitution.isName(text) else { throw Fault() }
            return text
        }
    }

    /// Identifiers with dots between them.
    public static var dottedName: Datatype<String> {
        Datatype("names with dots between them") { text throws(Fault) in
            guard Self.areNames(text[...]) else { throw Fault() }
            return text
        }
    }

    /// A dotted name that may begin with a dot.
    public static var dottedSuffix: Datatype<String> {
        Datatype("names with dots between them, perhaps behind a dot") { text throws(Fault) in
            guard Self.areNames(text.hasPrefix(".") ? text.dropFirst() : text[...]) else { throw Fault() }
            return text
        }
    }

    /// A word that can be a key: a letter, then letters, digits, dots, hyphens and underscores; made lower case.
    public static var basicKey: Datatype<String> {
        Datatype("a word of letters, digits, '-', '.' and '_' that begins with a letter") { text throws(Fault) in
            guard let first = text.first, first.isASCII, first.isLetter,
                text.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "-._".contains($0)) })
            else { throw Fault() }
            return text.lowercased()
        }
    }

    private static func areNames(_ text: Substring) -> Bool {
        text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { Substitution.isName($0) }
    }
}

extension Datatype where Value == [String] {
    /// Words with white space between them.
    public static var stringList: Datatype<[String]> {
        Datatype("words") { text in text.split(whereSeparator: \.isWhitespace).map(String.init) }
    }
}

extension Datatype where Value: RawRepresentable & CaseIterable & Sendable, Value.RawValue == String {
    /// One of the cases of an enumeration, by its raw value without regard to case.
    public static var oneOf: Datatype<Value> {
        let cases = Value.allCases.map { (name: $0.rawValue, value: $0) }
        return Datatype(cases.map { "'\($0.name)'" }.joined(separator: " or ")) { text throws(Fault) in
            guard let found = cases.first(where: { $0.name.lowercased() == text.lowercased() }) else { throw Fault() }
            return found.value
        }
    }
}

extension Datatype where Value == Bool {
    /// `yes`, `true`, `on` or `no`, `false`, `off`, in any case.
    public static var boolean: Datatype<Bool> {
        Datatype("yes, true or on, or no, false or off") { text throws(Fault) in
            switch text.lowercased() {
            case "yes", "true", "on": return true
            case "no", "false", "off": return false
            default: throw Fault()
            }
        }
    }
}
