//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ZConfig
import ZEOAsyncServer
import ZKTestServer
import ZKZEOAsync
import ZODB
import ZODBStorage

/// Databases and storages that are opened from the text that Python takes.
@Suite(.timeLimit(.minutes(1))) struct DatabaseConfigurationTests {
    @Test func aDatabaseIsFoundThroughZooKeeper() async throws {
        try await withRegistry { zooKeeper in
            try await withZEOServer { server in
                _ = try await withSession(zooKeeper.connectionString) { session in
                    try await session.create("/databases/demo/127.0.0.1:\(server.port)")
                }
                let text = """
                    %import zc.zkzeo
                    %define zk \(zooKeeper.connectionString)

                    <zodb main>
                      cache-size 100
                      cache-size-bytes 10MB
                      pool-size 3
                      pool-timeout 2m
                      historical-pool-size 1
                      historical-cache-size 10
                      historical-cache-size-bytes 1MB
                      historical-timeout 10m
                      large-record-size 1MB
                      allow-implicit-cross-references no
                      <zkzeoclient>
                        zookeeper $zk
                        server /databases/demo
                        max-disconnect-poll 1
                      </zkzeoclient>
                    </zodb>
                    """
                let database = try await Database.open(configuration: text)
                #expect(database.options.cacheSize == 100)
                #expect(database.options.name == "main" && database.options.poolSize == 3)
                #expect(database.options.poolTimeout == .seconds(120))
                #expect(database.options.historicalTimeout == .seconds(600))
                #expect(database.options.largeRecordSize == 1 << 20)
                try await database.transaction { root in root["x"] = 1 }
                await database.close()

                let again = try await Database.open(configuration: text)
                #expect(again.storage is ClientStorage)
                #expect(try await again.read { root in root["x"]?.int } == 1)
                await again.close()
            }
        }
    }

    @Test(arguments: [true, false])
    func aClientOfAnEmptyPathWaitsForAServerUnlessItNeedNot(_ wait: Bool) async throws {
        try await withRegistry { zooKeeper in
            let log = LogRecorder()
            var sections = StorageSections.standard
            sections.addClients(logger: log.logger)
            let place = "<\(zooKeeper.connectionString)/databases/demo>"
            let text = """
                %import zc.zkzeo
                <zkzeoclient>
                  zookeeper \(zooKeeper.connectionString)
                  server /databases/demo
                  max-disconnect-poll 1
                  wait \(wait)
                </zkzeoclient>
                """
            let opening = Task { [sections] in try await ClientStorage.open(configuration: text, sections: sections) }
            try await eventually("it says so") { log.addressLines == ["WARNING No addresses from \(place)"] }
            if !wait {
                let storage = try #require(try await opening.value as? ClientStorage)
                #expect(!storage.isConnected)
            }
            log.clear()
            try await withZEOServer { server in
                _ = try await withSession(zooKeeper.connectionString) { session in
                    try await session.create("/databases/demo/127.0.0.1:\(server.port)")
                }
                let storage = try #require(try await opening.value as? ClientStorage)
                try await eventually("it is connected") { storage.isConnected }
                #expect(
                    log.addressLines == [
                        "WARNING OK: \(wait ? "Got addresses" : "Addresses") from \(place)",
                        "INFO Addresses from \(place): ['127.0.0.1:\(server.port)']",
                    ]
                )
                try await storage.close()
            }
        }
    }

    @Test func everyStorageMayBeInADatabaseAndAloneInAFile() async throws {
        try await withTemporaryDirectory { folder in
            let storage = "<filestorage>\npath \(folder)/Data.fs\n</filestorage>"
            let database = try await Database.open(configuration: "<zodb>\n\(storage)\n</zodb>")
            #expect(database.options.cacheSize == 5000 && database.options.name == "unnamed")
            try await database.transaction { root in root["x"] = 1 }
            await database.close()

            try storage.write(toFile: folder + "/storage.conf", atomically: true, encoding: .utf8)
            let file = try await ClientStorage.open(configurationFile: folder + "/storage.conf")
            #expect(file is FileStorage)
            try await file.close()
            try "<zodb>\n%include storage.conf\n</zodb>".write(
                toFile: folder + "/zodb.conf",
                atomically: true,
                encoding: .utf8
            )
            let included = try await Database.open(configurationFile: folder + "/zodb.conf")
            #expect(try await included.read { root in root["x"]?.int } == 1)
            await included.close()
        }
    }

    @Test(arguments: [
        ("", 1, "<zodb>"),
        ("<zodb>\n</zodb>", 1, "needs a section for a storage"),
        ("<zodb>\n<mappingstorage/>\n<mappingstorage/>\n</zodb>", 3, "a second storage"),
        ("<zodb>\nclass-factory a.b\n<mappingstorage/>\n</zodb>", 2, "cannot run here"),
        ("<zodb>\ncache-size many\n<mappingstorage/>\n</zodb>", 2, "an integer"),
        ("<zodb>\npool-sise 3\n<mappingstorage/>\n</zodb>", 2, "no key 'pool-sise'"),
        ("%import relstorage\n<zodb>\n<mappingstorage/>\n</zodb>", 1, "cannot be imported here"),
        ("<mappingstorage/>", 1, "takes no section <mappingstorage>"),
    ])
    func whatIsNotRightIsRefusedWithItsLine(_ text: String, _ line: Int, _ words: String) async throws {
        let fault = await #expect(throws: ConfigurationError.self) {
            await (try Database.open(configuration: text, file: "zodb.conf")).close()
        }
        #expect(fault?.line == line && fault?.file == "zodb.conf", "\(String(describing: fault))")
        #expect(fault?.message.contains(words) == true, "\(String(describing: fault))")
    }
}
