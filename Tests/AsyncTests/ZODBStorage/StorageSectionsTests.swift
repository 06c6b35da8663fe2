//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ZConfig
import ZODBFormat

@testable import ZODBStorage

@Suite(.timeLimit(.minutes(1))) struct StorageSectionsTests {
    private func section(_ text: String) throws -> ConfigurationSection {
        try #require(Configuration(parsing: text, file: "zeo.conf").root.sections.first)
    }

    private func fault(_ text: String) throws -> ConfigurationError? {
        let section = try self.section(text)
        return #expect(throws: ConfigurationError.self) { try StorageSections.standard.opener(for: section) }
    }

    @Test func fileStorageOpensItsFile() async throws {
        try await withTemporaryDirectory { folder in
            let text = """
                <filestorage 1>
                  path \(folder)/Data.fs
                  quota 1MB
                  pack-gc false
                  pack-keep-old true
                  blob-dir
                </filestorage>
                """
            let opener = try StorageSections.standard.opener(for: try self.section(text))
            #expect(opener.writableFile == folder + "/Data.fs")
            #expect(!FileManager.default.fileExists(atPath: folder + "/Data.fs"), "nothing is opened yet")
            let storage = try await opener.open()
            #expect(storage.traits.name == folder + "/Data.fs")
            try await storage.commit(.root, .zero, "root")
            try await storage.close()

            let again = "<filestorage>\npath \(folder)/Data.fs\nread-only yes\n</filestorage>"
            let reading = try StorageSections.standard.opener(for: try self.section(again))
            #expect(reading.writableFile == nil)
            let reader = try await reading.open()
            #expect(reader.traits.isReadOnly)
            #expect(try await reader.text(.root) == "root")
            try await reader.close()

            let anew = "<filestorage>\npath \(folder)/Data.fs\ncreate on\n</filestorage>"
            let empty = try await StorageSections.standard.opener(for: try self.section(anew)).open()
            #expect(try await empty.lastTransaction() == .zero)
            try await empty.close()
        }
    }

    @Test func mappingStorageHasItsName() async throws {
        for (text, name) in [
            ("<mappingstorage/>", "Mapping Storage"), ("<mappingstorage>\nname temp\n</mappingstorage>", "temp"),
        ] {
            let opener = try StorageSections.standard.opener(for: try self.section(text))
            #expect(opener.writableFile == nil)
            #expect(try await opener.open().traits.name == name)
        }
    }

    @Test func whatIsNotRightIsRefusedWithItsLine() throws {
        let faults: [(text: String, line: Int, word: String)] = [
            ("<filestorage>\n</filestorage>", 1, "'path'"),
            ("<filestorage>\npath /no/such/folder/Data.fs\n</filestorage>", 2, "/no/such/folder"),
            ("<filestorage>\npath /tmp/Data.fs\nblob-dir /tmp/blobs\n</filestorage>", 3, "not supported yet"),
            ("<filestorage>\npath /tmp/Data.fs\npacker some.packer\n</filestorage>", 3, "not supported yet"),
            ("<filestorage>\npath /tmp/Data.fs\ncreate perhaps\n</filestorage>", 3, "'create'"),
            ("<filestorage>\npath /tmp/Data.fs\npack-gc perhaps\n</filestorage>", 3, "'pack-gc'"),
            ("<filestorage>\npath /tmp/Data.fs\nquota -1\n</filestorage>", 3, "'quota'"),
            ("<filestorage>\npath /tmp/Data.fs\ncolour blue\n</filestorage>", 3, "'colour'"),
            ("<filestorage>\npath /tmp/Data.fs\nread-only yes\ncreate yes\n</filestorage>", 4, "read"),
            ("<mappingstorage>\npath /tmp/Data.fs\n</mappingstorage>", 2, "'path'"),
            ("<relstorage/>", 1, "<filestorage>, <mappingstorage>"),
        ]
        for fault in faults {
            let error = try self.fault(fault.text)
            #expect(error?.line == fault.line)
            #expect(error?.message.contains(fault.word) == true, "\(error?.description ?? "nothing was refused")")
        }
    }

    @Test func othersCanAddTheirTypes() async throws {
        var sections = StorageSections.standard
        sections.add("Wrapper") { section, table throws(ConfigurationError) in
            try table.opener(for: try section.section("mappingstorage"))
        }
        #expect(sections.types == ["filestorage", "mappingstorage", "wrapper"])
        let section = try self.section("<wrapper>\n<mappingstorage>\nname inner\n</mappingstorage>\n</wrapper>")
        #expect(try await sections.opener(for: section).open().traits.name == "inner")
        #expect(StorageSections.standard.types == ["filestorage", "mappingstorage"])
    }
}
