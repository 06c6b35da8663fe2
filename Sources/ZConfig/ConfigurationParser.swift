//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Reads the lines of a configuration and of what it includes.
struct ConfigurationParser {
    /// How deep sections, and included files, may lie within each other. No configuration needs as much.
    private static let depthLimit = 100

    private(set) var root: ConfigurationSection
    private(set) var imports: [Configuration.Import] = []

    private let environment: (String) -> String?
    private let read: (String) throws -> String
    private var definitions: [String: String] = [:]
    /// The sections that are open, the innermost last.
    private var open: [ConfigurationSection] = []
    /// The files that are being read, the innermost last.
    private var files: [String] = []

    init(file: String, environment: @escaping (String) -> String?, read: @escaping (String) throws -> String) {
        self.root = ConfigurationSection(type: "", position: ConfigurationPosition(file: file, line: 1))
        self.environment = environment
        self.read = read
    }

    mutating func parse(_ text: String, file: String) throws(ConfigurationError) {
        self.files.append(file)
        defer { self.files.removeLast() }
        let outer = self.open.count
        var position = ConfigurationPosition(file: file, line: 0)
        for line in Self.lines(of: text) {
            position.line += 1
            let line = Self.trimmed(line)
            switch line.first {
            case nil, "#": break
            case "<":
                if line.hasPrefix("</") {
                    try self.endSection(line, position, outer: outer)
                } else {
                    try self.beginSection(line, position)
                }
            case "%": try self.follow(line, position)
            default: try self.addKey(line, position)
            }
        }
        if self.open.count > outer, let section = self.open.last {
            throw ConfigurationError(
                at: position,
                "the text ends before </\(section.type)>; \(section.header) began at line \(section.position.line)"
            )
        }
    }

    // MARK: Sections

    private mutating func beginSection(_ line: Substring, _ position: ConfigurationPosition) throws(ConfigurationError)
    {
        guard line.hasSuffix(">") else {
            throw ConfigurationError(at: position, "a section that begins with '<' needs a '>' at the end of the line")
        }
        var header = line.dropFirst().dropLast()
        let isEmpty = header.last == "/"
        if isEmpty { header = header.dropLast() }
        header = Self.trimmedEnd(header)
        let words = header.split(whereSeparator: \.isWhitespace)
        guard let type = words.first, words.count <= 2, header.first?.isWhitespace == false,
            words.allSatisfy({ word in !word.contains { $0 == "(" || $0 == ")" } })
        else {
            throw ConfigurationError(at: position, "'\(line)' begins no section; write <TYPE> or <TYPE NAME>")
        }
        let name = words.count == 2 ? words[1].lowercased() : nil
        guard self.open.count < Self.depthLimit else {
            throw ConfigurationError(at: position, "sections lie more than \(Self.depthLimit) deep within each other")
        }
        if let name, let twin = (self.open.last ?? self.root).sections.first(where: { $0.name == name }) {
            throw ConfigurationError(
                at: position,
                "the name '\(name)' belongs to \(twin.header) at line \(twin.position.line); choose another one"
            )
        }
        let section = ConfigurationSection(type: type.lowercased(), name: name, position: position)
        if isEmpty { self.add(section) } else { self.open.append(section) }
    }

    private mutating func endSection(
        _ line: Substring,
        _ position: ConfigurationPosition,
        outer: Int
    ) throws(ConfigurationError) {
        guard line.hasSuffix(">") else {
            throw ConfigurationError(at: position, "an end that begins with '</' needs a '>' at the end of the line")
        }
        guard self.open.count > outer, let section = self.open.last else {
            throw ConfigurationError(at: position, "'\(line)' ends a section, but none is open")
        }
        guard Self.trimmedEnd(line.dropFirst(2).dropLast()).lowercased() == section.type else {
            throw ConfigurationError(
                at: position,
                "'\(line)' ends another section than \(section.header) of line \(section.position.line); "
                    + "write </\(section.type)>"
            )
        }
        self.open.removeLast()
        self.add(section)
    }

    private mutating func add(_ section: ConfigurationSection) {
        if self.open.isEmpty {
            self.root.sections.append(section)
        } else {
            self.open[self.open.count - 1].sections.append(section)
        }
    }

    // MARK: Keys and directives

    private mutating func addKey(_ line: Substring, _ position: ConfigurationPosition) throws(ConfigurationError) {
        guard let (name, value) = Self.keyAndValue(line) else {
            throw ConfigurationError(at: position, "'\(line)' is no key with a value; write KEY VALUE")
        }
        let key = ConfigurationSection.Key(
            name: name,
            value: try self.replace(value, position),
            position: position
        )
        if self.open.isEmpty {
            self.root.keys.append(key)
        } else {
            self.open[self.open.count - 1].keys.append(key)
        }
    }

    private mutating func follow(_ line: Substring, _ position: ConfigurationPosition) throws(ConfigurationError) {
        guard let (name, argument) = Self.keyAndValue(line.dropFirst()) else {
            throw ConfigurationError(at: position, "'\(line)' is no directive; there are %define, %import and %include")
        }
        guard ["define", "import", "include"].contains(name) else {
            throw ConfigurationError(
                at: position,
                "there is no directive '%\(name)'; there are %define, %import and %include"
            )
        }
        guard !argument.isEmpty else {
            throw ConfigurationError(at: position, "%\(name) needs an argument")
        }
        switch name {
        case "define": try self.define(argument, position)
        case "import":
            let package = try self.replace(argument, position)
            self.imports.append(Configuration.Import(package: package, position: position))
        default: try self.include(self.replace(argument, position), position)
        }
    }

    private mutating func define(_ argument: String, _ position: ConfigurationPosition) throws(ConfigurationError) {
        let written = argument.prefix { !$0.isWhitespace }
        let name = written.lowercased()
        let text = String(Self.trimmed(argument.dropFirst(written.count)))
        guard Substitution.isName(name) else {
            throw ConfigurationError(
                at: position,
                "'\(written)' is no name for a definition; use letters, digits and underscores"
            )
        }
        let known = self.definitions[name]
        // Python compares the text as written with what was put in before; the same definition again is the same.
        if let known, known == text { return }
        let value = try self.replace(text, position)
        guard known == nil || known == value else {
            throw ConfigurationError(at: position, "'\(name)' is defined already, as '\(known ?? "")'")
        }
        self.definitions[name] = value
    }

    private mutating func include(_ name: String, _ position: ConfigurationPosition) throws(ConfigurationError) {
        let file = Self.resolve(name, relativeTo: position.file)
        guard !self.files.contains(file) else {
            throw ConfigurationError(at: position, "'\(file)' includes itself")
        }
        guard self.files.count < Self.depthLimit else {
            throw ConfigurationError(at: position, "more than \(Self.depthLimit) files include each other")
        }
        let text: String
        do {
            text = try self.read(file)
        } catch {
            throw ConfigurationError(at: position, "cannot include '\(file)': \(error)")
        }
        try self.parse(text, file: file)
    }

    private func replace(_ text: String, _ position: ConfigurationPosition) throws(ConfigurationError) -> String {
        do {
            return try Substitution.replace(text, definitions: self.definitions, environment: self.environment)
        } catch {
            throw ConfigurationError(at: position, error.message)
        }
    }
}

// MARK: Text

extension ConfigurationParser {
    /// The lines of a text, which end in a line feed, a carriage return or both.
    private static func lines(of text: String) -> [Substring] {
        text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" || $0 == "\r" }
    }

    private static func trimmed(_ text: Substring) -> Substring {
        self.trimmedEnd(text.drop(while: \.isWhitespace))
    }

    private static func trimmedEnd(_ text: Substring) -> Substring {
        var text = text
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }

    /// A key ends at white space or a parenthesis; the rest of the line is its value.
    private static func keyAndValue(_ line: Substring) -> (String, String)? {
        let key = line.prefix { !$0.isWhitespace && $0 != "(" && $0 != ")" }
        guard !key.isEmpty else { return nil }
        return (String(key), String(self.trimmed(line.dropFirst(key.count))))
    }

    /// The file that an include means: names without a scheme or a leading slash are relative to the including file.
    private static func resolve(_ name: String, relativeTo base: String) -> String {
        if name.hasPrefix("/") || self.hasScheme(name) { return name }
        guard let slash = base.lastIndex(of: "/") else { return name }
        return base[...slash] + name
    }

    private static func hasScheme(_ name: String) -> Bool {
        guard let colon = name.firstIndex(of: ":"), colon != name.startIndex else { return false }
        return name[..<colon].allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) }
    }
}
