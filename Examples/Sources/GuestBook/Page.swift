//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Hummingbird

/// The guest book as people see it.
struct Page: ResponseGenerator {
    let entries: [Entry]

    func response(from request: Request, context: some RequestContext) throws -> Response {
        let entries = self.entries.map { entry in
            "<li><b>\(Self.escaped(entry.name))</b> <time>\(Self.escaped(entry.written))</time>"
                + "<p>\(Self.escaped(entry.text))</p></li>"
        }
        let page = """
            <!doctype html><meta charset="utf-8"><title>Guest book</title>
            <h1>Guest book</h1>
            <form method="post"><input name="name" placeholder="Name" required>
            <input name="text" placeholder="What you have to say" required> <button>Write</button></form>
            <ul>\(entries.joined(separator: "\n"))</ul>

            """
        return Response(
            status: .ok,
            headers: [.contentType: "text/html; charset=utf-8"],
            body: .init(byteBuffer: ByteBuffer(string: page))
        )
    }

    static func escaped(_ text: String) -> String {
        text.reduce(into: "") { escaped, character in
            switch character {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            default: escaped.append(character)
            }
        }
    }
}
