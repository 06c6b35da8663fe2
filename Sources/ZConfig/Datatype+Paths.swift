//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// What the datatypes of paths ask about files; they touch none themselves.
public struct FileQuestions: Sendable {
    /// Whether there is something at a path.
    public var exists: @Sendable (String) -> Bool
    /// Whether there is a directory at a path.
    public var isDirectory: @Sendable (String) -> Bool
    /// The home directory of a user, or with `nil` of this one.
    public var home: @Sendable (String?) -> String?

    /// Answers to the questions.
    public init(
        exists: @escaping @Sendable (String) -> Bool,
        isDirectory: @escaping @Sendable (String) -> Bool,
        home: @escaping @Sendable (String?) -> String? = { _ in nil }
    ) {
        self.exists = exists
        self.isDirectory = isDirectory
        self.home = home
    }

    /// The path with a `~` or `~user` at its beginning replaced, where that home is known.
    func expanded(_ path: String) -> String {
        guard path.hasPrefix("~") else { return path }
        let user = path.dropFirst().prefix { $0 != "/" }
        guard let home = self.home(user.isEmpty ? nil : String(user)) else { return path }
        return home + path.dropFirst(1 + user.count)
    }
}

extension Datatype where Value == String {
    /// A directory that is there. A `~` at the beginning is the home directory.
    public static func existingDirectory(_ files: FileQuestions) -> Datatype<String> {
        Datatype("a directory that exists") { text throws(Fault) in
            let path = files.expanded(text)
            guard files.isDirectory(path) else { throw Fault() }
            return path
        }
    }

    /// A file or directory that is there.
    public static func existingPath(_ files: FileQuestions) -> Datatype<String> {
        Self.existing("a path that exists", files)
    }

    /// A file that is there; as in Python, anything at that path will do.
    public static func existingFile(_ files: FileQuestions) -> Datatype<String> {
        Self.existing("a file that exists", files)
    }

    /// A path whose directory is there.
    public static func existingDirpath(_ files: FileQuestions) -> Datatype<String> {
        Datatype("a path in a directory that exists") { text throws(Fault) in
            let path = files.expanded(text)
            guard let slash = path.lastIndex(of: "/") else { return path }
            let directory = slash == path.startIndex ? "/" : String(path[..<slash])
            guard files.isDirectory(directory) else { throw Fault("there is no directory '\(directory)'") }
            return path
        }
    }

    private static func existing(_ expected: String, _ files: FileQuestions) -> Datatype<String> {
        Datatype(expected) { text throws(Fault) in
            let path = files.expanded(text)
            guard files.exists(path) else { throw Fault() }
            return path
        }
    }
}
