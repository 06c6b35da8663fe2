//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1

/// What a path of the HTTP listener leads to.
struct OperatorPage: Sendable {
    var status: HTTPResponseStatus = .ok
    var contentType = "text/plain; charset=utf-8"
    var body: String

    static let notFound = OperatorPage(
        status: .notFound,
        body: "There is nothing here but /, /metrics, /healthz and /readyz.\n"
    )

    static let methodNotAllowed = OperatorPage(status: .methodNotAllowed, body: "Only GET and HEAD are answered.\n")

    static func unavailable(_ reason: String) -> OperatorPage {
        OperatorPage(status: .serviceUnavailable, body: reason + "\n")
    }

    static func html(_ body: String) -> OperatorPage {
        OperatorPage(contentType: "text/html; charset=utf-8", body: body)
    }
}
