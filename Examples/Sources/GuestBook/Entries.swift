//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import ZKZEOAsync
import ZODB
import ZODBStorage

/// What somebody wrote.
struct Entry: Sendable {
    var name: String
    var text: String
    var written: String

    init(name: String, text: String, written: Date = Date()) {
        self.name = name
        self.text = text
        self.written = written.formatted(.iso8601)
    }

    /// The entry in a form as browsers send it; `nil` where something is missing.
    init?(form: String) {
        // In forms a plus is a space; URL components leave it alone.
        var components = URLComponents()
        components.percentEncodedQuery = form.replacingOccurrences(of: "+", with: "%20")
        let fields = Dictionary(
            (components.queryItems ?? []).map { ($0.name, $0.value ?? "") },
            uniquingKeysWith: { $1 }
        )
        guard let name = fields["name"], let text = fields["text"], !name.isEmpty, !text.isEmpty else { return nil }
        self.init(name: name, text: text)
    }

    /// The entry as Python keeps it: a dictionary.
    init?(_ value: PersistentValue) {
        let fields = value.dictionary ?? [:]
        guard let name = fields["name"]?.string, let text = fields["text"]?.string,
            let written = fields["written"]?.string
        else { return nil }
        (self.name, self.text, self.written) = (name, text, written)
    }

    var value: PersistentValue {
        ["name": .string(self.name), "text": .string(self.text), "written": .string(self.written)]
    }
}

/// The entries of the guest book: a mapping from numbers to dictionaries, `root["guestbook"]`.
struct Entries: Sendable {
    let zodb: ZKZEOService

    func add(_ entry: Entry) async throws {
        // Two who write at the same time both get in: whoever comes second runs again, and takes the next number.
        try await self.zodb.database().transaction(user: entry.name, note: "guest book") { root in
            if root["guestbook"] == nil { root["guestbook"] = .object(PersistentMapping()) }
            guard let book = try await root.mapping("guestbook") else { return }
            book[.int(book.count + 1)] = entry.value
        }
    }

    /// The newest entries, at most `limit`, the newest first.
    func newest(_ limit: Int) async throws -> [Entry] {
        try await self.zodb.database().read { root in
            guard let book = try await root.mapping("guestbook") else { return [] }
            return book.items.values.suffix(limit).reversed().compactMap { Entry($0) }
        }
    }

    func count() async throws -> Int {
        try await self.zodb.database().read { root in try await root.mapping("guestbook")?.count ?? 0 }
    }
}
