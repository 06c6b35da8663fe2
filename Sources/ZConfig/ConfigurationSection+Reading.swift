//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

extension ConfigurationSection {
    // MARK: Keys

    /// The value of a key that must be there, once.
    public func value<Value>(_ key: String, as datatype: Datatype<Value>) throws(ConfigurationError) -> Value {
        guard let value = try self.optional(key, as: datatype) else {
            throw ConfigurationError(at: self.position, "\(self.header) needs a key '\(key)', \(datatype.expected)")
        }
        return value
    }

    /// The value of a key that may be there, once.
    public func optional<Value>(_ key: String, as datatype: Datatype<Value>) throws(ConfigurationError) -> Value? {
        let found = self.keys(named: key)
        guard let first = found.first else { return nil }
        if found.count > 1 {
            throw ConfigurationError(
                at: found[1].position,
                "'\(key)' has a value already, '\(first.value)' at line \(first.position.line); keep one of them"
            )
        }
        return try datatype.value(of: first)
    }

    /// The values of a key that may be there any number of times.
    public func values<Value>(_ key: String, as datatype: Datatype<Value>) throws(ConfigurationError) -> [Value] {
        var values: [Value] = []
        for key in self.keys(named: key) { values.append(try datatype.value(of: key)) }
        return values
    }

    /// Where a key is written, for messages about it: its first occurrence, or the section if it is not there.
    public func position(of key: String) -> ConfigurationPosition {
        self.keys(named: key).first?.position ?? self.position
    }

    private func keys(named name: String) -> [Key] {
        let name = name.lowercased()
        return self.keys.filter { $0.name.lowercased() == name }
    }

    // MARK: Sections

    /// The sections of any of these types, in their order.
    public func sections(_ types: String...) -> [ConfigurationSection] {
        self.sections.filter { types.contains($0.type) }
    }

    /// The one section of any of these types, if there is one.
    public func optionalSection(_ types: String...) throws(ConfigurationError) -> ConfigurationSection? {
        let found = self.sections.filter { types.contains($0.type) }
        if found.count > 1 {
            throw ConfigurationError(
                at: found[1].position,
                "a second \(found[1].header); \(self.header) takes one, and has one at line \(found[0].position.line)"
            )
        }
        return found.first
    }

    /// The one section of any of these types, which must be there.
    public func section(_ types: String...) throws(ConfigurationError) -> ConfigurationSection {
        let found = self.sections.filter { types.contains($0.type) }
        guard let first = found.first else {
            let wanted = types.map { "<\($0)>" }.joined(separator: " or ")
            throw ConfigurationError(at: self.position, "\(self.header) needs a section \(wanted)")
        }
        if found.count > 1 {
            throw ConfigurationError(
                at: found[1].position,
                "a second \(found[1].header); \(self.header) takes one, and has one at line \(first.position.line)"
            )
        }
        return first
    }

    // MARK: The rest

    /// Refuses keys and types of sections other than these, at the first such line.
    public func rejectUnknown(keys: [String] = [], sections: [String] = []) throws(ConfigurationError) {
        var faults: [(position: ConfigurationPosition, message: String)] = []
        if let key = self.keys.first(where: { key in !keys.contains { $0.lowercased() == key.name.lowercased() } }) {
            let hint = Suggestion.text(for: key.name, among: keys, none: "it takes no keys")
            faults.append((key.position, "\(self.header) has no key '\(key.name)'; \(hint)"))
        }
        if let section = self.sections.first(where: { !sections.contains($0.type) }) {
            let hint = Suggestion.text(for: section.type, among: sections, none: "it takes no sections")
            faults.append((section.position, "\(self.header) takes no section <\(section.type)>; \(hint)"))
        }
        // Lines of several files have no order; within one the first fault is the one to mend first.
        if let fault = faults.min(by: { $0.position.file == $1.position.file && $0.position.line < $1.position.line }) {
            throw ConfigurationError(at: fault.position, fault.message)
        }
    }
}
