//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// A configuration in the language of ZConfig, read but not yet interpreted.
///
/// The language has keys (`name value`), sections (`<type name>` … `</type>`, `<type/>`), comments (`#`), and the
/// directives `%define`, `%import` and `%include`. In values, `$name` and `${name}` stand for definitions, `$(NAME)` for
/// a variable of the environment, and `$$` for a dollar sign. Keys, types and names of sections and of definitions are
/// compared without case; values are kept as written.
public struct Configuration: Hashable, Sendable {
    /// A `%import` directive. What a package means is for the caller to know.
    public struct Import: Hashable, Sendable {
        /// The dotted name of the package.
        public var package: String
        /// Where it was imported.
        public var position: ConfigurationPosition
    }

    /// What stands outside of all sections.
    public var root: ConfigurationSection

    /// The packages that were imported, in their order.
    public var imports: [Import]

    /// Reads a configuration.
    ///
    /// - Parameters:
    ///   - text: The text of the configuration.
    ///   - file: Its path or URL, for messages and as the base of relative names in `%include`.
    ///   - environment: The value of a variable of the environment.
    ///   - read: The text of an included file, by path or URL. Its errors become errors at the line of the `%include`.
    public init(
        parsing text: String,
        file: String,
        environment: @escaping (String) -> String? = { _ in nil },
        reading read: @escaping (String) throws -> String = { _ in
            throw ConfigurationError(message: "nothing can be included")
        }
    ) throws(ConfigurationError) {
        var parser = ConfigurationParser(file: file, environment: environment, read: read)
        try parser.parse(text, file: file)
        self.root = parser.root
        self.imports = parser.imports
    }
}
