//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Hummingbird
import Logging
import ServiceLifecycle
import ZKZEOAsync
import ZODB
import ZODBStorage

/// A guest book that is kept in ZODB, on whatever server is registered in ZooKeeper at the time.
///
///     GuestBook ZOOKEEPER PATH PORT
///
/// `GET /` shows the entries, `POST /` with a form of `name` and `text` adds one, `GET /health` is for probes.
@main struct GuestBook {
    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        guard arguments.count == 3, let port = arguments.last.flatMap({ Int($0) }) else {
            FileHandle.standardError.write(Data("usage: GuestBook ZOOKEEPER PATH PORT\n".utf8))
            exit(64)
        }
        let logger = Logger(label: "guestbook")
        let zodb = ZKZEOService(arguments[1], arguments[2])
        let application = Application(
            router: Self.router(Entries(zodb: zodb)),
            configuration: .init(address: .hostname("127.0.0.1", port: port), serverName: "guestbook"),
            logger: logger
        )
        // The last one stops first: no request is answered without a database.
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: zodb), .init(service: application)],
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: logger
            )
        )
        try await group.run()
    }

    static func router(_ entries: Entries) -> Router<BasicRequestContext> {
        let router = Router()
        router.get("/") { _, _ in Page(entries: try await entries.newest(50)) }
        router.post("/") { request, _ in
            let body = try await request.body.collect(upTo: 16 * 1024)
            guard let entry = Entry(form: String(buffer: body)) else {
                throw HTTPError(.badRequest, message: "an entry needs a name and a text\n")
            }
            try await entries.add(entry)
            return Response.redirect(to: "/", type: .normal)
        }
        router.get("/health") { _, _ in
            _ = try await entries.count()
            return "ok\n"
        }
        return router
    }
}
