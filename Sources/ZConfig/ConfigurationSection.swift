//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// A section of a configuration: its keys and the sections in it.
public struct ConfigurationSection: Hashable, Sendable {
    /// A key with its value.
    public struct Key: Hashable, Sendable {
        /// The name as it was written.
        public var name: String
        /// The value, with definitions put in; empty where none was written.
        public var value: String
        /// Where it was written.
        public var position: ConfigurationPosition

        /// A key that was written at a place.
        public init(name: String, value: String, position: ConfigurationPosition) {
            self.name = name
            self.value = value
            self.position = position
        }
    }

    /// The type, in lower case; empty for what stands outside of all sections.
    public var type: String

    /// The name, in lower case, where it has one.
    public var name: String?

    /// Where the section begins.
    public var position: ConfigurationPosition

    /// The keys, in their order.
    public var keys: [Key] = []

    /// The sections in this one, in their order.
    public var sections: [ConfigurationSection] = []

    /// An empty section.
    public init(type: String, name: String? = nil, position: ConfigurationPosition) {
        self.type = type
        self.name = name
        self.position = position
    }

    /// The section as it was begun, for messages: `<type name>`.
    public var header: String {
        if self.type.isEmpty { return "the configuration" }
        return self.name.map { "<\(self.type) \($0)>" } ?? "<\(self.type)>"
    }
}
