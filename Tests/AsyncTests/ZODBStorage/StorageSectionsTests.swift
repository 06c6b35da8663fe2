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
                  sync-twice yes
                  blob-dir
                </filestorage>
                """
            let opener = try StorageSections.standard.opener(for: try self.section(text))
            #expect(opener.writableFile == folder + "/Data.fs")
            #expect(!FileManager.default.fileExists(atPath: folder + "/Data.fs"), "nothing is opened yet")
            let storage = try await opener.open()
            #expect(storage.traits.name == folder + "/Data.fs")
            #expect((storage as? FileStorage)?.configuration.synchronizesTwice == true)
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
            ("<filestorage>\npath /tmp/Data.fs\nblob-dir /no/such/blobs\n</filestorage>", 3, "/no/such"),
            ("<filestorage>\npath /tmp/Data.fs\npacker some.packer\n</filestorage>", 3, "Python object"),
            ("<filestorage>\npath /tmp/Data.fs\ncreate perhaps\n</filestorage>", 3, "'create'"),
            ("<filestorage>\npath /tmp/Data.fs\npack-gc perhaps\n</filestorage>", 3, "'pack-gc'"),
            ("<filestorage>\npath /tmp/Data.fs\nquota -1\n</filestorage>", 3, "'quota'"),
            ("<filestorage>\npath /tmp/Data.fs\ncolour blue\n</filestorage>", 3, "'colour'"),
            ("<filestorage>\npath /tmp/Data.fs\nread-only yes\ncreate yes\n</filestorage>", 4, "read"),
            ("<mappingstorage>\npath /tmp/Data.fs\n</mappingstorage>", 2, "'path'"),
            ("<relstorage/>", 1, "<filestorage>, <mappingstorage>"),
            ("<blobstorage>\nblob-dir /tmp/b\n</blobstorage>", 1, "needs a section"),
            ("<blobstorage>\n<mappingstorage/>\n</blobstorage>", 1, "'blob-dir'"),
            ("<blobstorage>\nblob-dir b\n<mappingstorage/>\n<mappingstorage/>\n</blobstorage>", 4, "a second"),
            ("<zlibstorage>\n<filestorage>\n</filestorage>\n</zlibstorage>", 2, "'path'"),
            ("<serverzlibstorage>\ncompress 7\n<mappingstorage/>\n</serverzlibstorage>", 2, "'compress'"),
            ("<before>\nbefore yesterday\n<mappingstorage/>\n</before>", 2, "'startup'"),
            ("<before>\nbefore 2026-02-30\n<mappingstorage/>\n</before>", 2, "'before'"),
            (
                "<before>\nbefore now\nbefore-from-file /tmp/x\n<mappingstorage/>\n</before>", 3,
                "'before' and 'before-from-file'"
            ),
            ("<demostorage>\n<mappingstorage/>\n<mappingstorage b/>\n</demostorage>", 3, "second storage for the base"),
            ("<demostorage>\nblob-dir b\n</demostorage>", 2, "'blob-dir'"),
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
        #expect(sections.types.contains("wrapper"))
        let section = try self.section("<wrapper>\n<mappingstorage>\nname inner\n</mappingstorage>\n</wrapper>")
        #expect(try await sections.opener(for: section).open().traits.name == "inner")
        let standard = [
            "before", "blobstorage", "demostorage", "filestorage", "mappingstorage", "serverzlibstorage", "zlibstorage",
        ]
        #expect(StorageSections.standard.types == standard)
    }

    @Test func storagesAreOpenedInsideOfOthers() async throws {
        try await withTemporaryDirectory { folder in
            let text = """
                <demostorage>
                  <before>
                    <filestorage>
                      path \(folder)/base.fs
                    </filestorage>
                  </before>
                  <serverzlibstorage changes>
                    <blobstorage>
                      blob-dir \(folder)/blobs
                      <filestorage>
                        path \(folder)/changes.fs
                      </filestorage>
                    </blobstorage>
                  </serverzlibstorage>
                </demostorage>
                """
            let opener = try StorageSections.standard.opener(for: try self.section(text))
            #expect(opener.writableFiles == [folder + "/base.fs", folder + "/changes.fs"])
            let storage = try await opener.open()
            let name = storage.traits.name
            #expect(name.hasPrefix("DemoStorage('\(folder)/base.fs before 2"), "\(name)")
            #expect(name.hasSuffix("', '\(folder)/changes.fs')"), "\(name)")
            #expect(storage.traits.interfaces == ["IBlobStorage", "IStorageUndoable", "IStorage", "IStorageIteration"])
            let tid = try await storage.commitBlob(.numbered(5), .zero, "a blob")
            #expect(try await storage.blobText(.numbered(5), tid) == "a blob")
            try await storage.close()
            // What was opened before a fault is closed again, and its file is free.
            try "nonsense".write(toFile: folder + "/changes.fs", atomically: true, encoding: .utf8)
            await #expect(throws: StorageError.self) { try await opener.open() }
            let base = try FileStorage(.init(path: folder + "/base.fs"))
            #expect(try base.lastTransaction() == .zero)
            try await base.close()
        }
    }

    @Test func emptyDemoStorageLivesInMemory() async throws {
        let opener = try StorageSections.standard.opener(for: try self.section("<demostorage/>"))
        let storage = try await opener.open()
        #expect(storage.traits.name == "DemoStorage('MappingStorage', 'MappingStorage')")
        #expect(storage.traits.interfaces == ["IBlobStorage", "IStorage", "IStorageIteration"])
        let tid = try await storage.commitBlob(.numbered(5), .zero, "a blob")
        #expect(try await storage.blobText(.numbered(5), tid) == "a blob")
        let blobs = try #require(storage.traits.blobDirectory)
        try await storage.close()
        #expect(!FileManager.default.fileExists(atPath: blobs))
    }

    @Test func beforeReadsItsTimeFromAFile() async throws {
        try await withTemporaryDirectory { folder in
            let text = "<before>\nbefore-from-file \(folder)/time\n<mappingstorage/>\n</before>"
            let opener = try StorageSections.standard.opener(for: try self.section(text))
            let first = try #require(try await opener.open() as? BeforeStorage)
            #expect(try String(contentsOfFile: folder + "/time", encoding: .utf8).count == 19)
            let second = try #require(try await opener.open() as? BeforeStorage)
            #expect(first.limit == second.limit)
            try "2008-01-02T03:04:05.5\n".write(toFile: folder + "/time", atomically: true, encoding: .utf8)
            let third = try #require(try await opener.open() as? BeforeStorage)
            #expect(third.limit.timeDescription == "2008-01-02 03:04:05.500000")
            try "now".write(toFile: folder + "/time", atomically: true, encoding: .utf8)
            let error = await #expect(throws: StorageError.self) { try await opener.open() }
            #expect(error?.message.contains("'now'") == true)
        }
    }
}
