//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Testing
import ZConfig
import ZEOProtocol
import ZODBFormat

@testable import ZODBStorage

/// Whatever is read from strangers and from disks, on inputs that nobody wrote: an error, and no crash, no hang, and no
/// memory beyond a bound.
@Suite(.serialized) struct FuzzTests {
    private static let pickleWords: [[UInt8]] = [
        [0x80, 3], [0x80, 4], [0x95, 0xff, 0, 0, 0, 0, 0, 0, 0], [UInt8](".reply".utf8), [UInt8]("(".utf8), [0x85],
        [0x86], [0x87], [0x94], [UInt8]("h\0".utf8), [UInt8]("j\0\0\0\0".utf8), [UInt8]("q\0".utf8), [UInt8]("2".utf8),
        [UInt8]("cpersistent.mapping\nPersistentMapping\n".utf8), [UInt8]("c_codecs\nencode\n".utf8), [0x81], [0x92],
        [UInt8]("R".utf8), [UInt8]("Q".utf8), [UInt8]("b".utf8), [UInt8]("u".utf8), [UInt8]("e".utf8), [0x90], [0x8f],
        [UInt8]("U\u{8}\0\0\0\0\0\0\0\u{1}".utf8), [0x8b, 0xff, 0xff, 0xff, 0x7f], [0x8a, 4, 1, 2, 3, 4],
        [UInt8]("I12\n".utf8), [UInt8]("L99999999999999999999L\n".utf8), [UInt8]("S'x'\n".utf8), [UInt8](".".utf8),
    ]

    private static func messages(_ format: WireFormat) throws -> [[UInt8]] {
        let bodies = try GoldenMessageTests.clientMessages.sorted { $0.key < $1.key }.map { message in
            var frame = ByteBuffer()
            try format.encode(message.value, into: &frame)
            return frame
        }
        let answers = try GoldenMessageTests.serverMessages.sorted { $0.key < $1.key }.map { message in
            var frame = ByteBuffer()
            try format.encode(message.value, into: &frame)
            return frame
        }
        return (bodies + answers).map { Array($0.readableBytesView.dropFirst(SizedFrame.headerSize)) }
    }

    @Test(.timeLimit(.minutes(20))) func frames() throws {
        let stream = try Self.messages(.pickle).prefix(8).reduce(into: [UInt8]("\0\0\0\u{2}Z5".utf8)) { stream, body in
            stream += [0, 0, UInt8(body.count >> 8), UInt8(body.count & 0xff)] + body
        }
        let run = FuzzRun(name: "frames", seeds: [stream, [UInt8]("\0\0\0\u{4}ruok".utf8)], words: [[0, 0, 0, 0]])
        try run.run { input in
            var decoder = SizedFrameDecoder(limit: 1 << 20)
            var buffer = ByteBuffer()
            var rest = input[...]
            var isFirst = true
            while !rest.isEmpty {
                buffer.writeBytes(rest.prefix(13))
                rest = rest.dropFirst(13)
                while let body = try decoder.decode(buffer: &buffer) {
                    if isFirst { _ = try Greeting(body) } else { _ = try WireFormat.pickle.decodeClientMessage(body) }
                    isFirst = false
                }
            }
        }
    }

    @Test(.timeLimit(.minutes(20))) func pickleMessages() throws { try Self.readMessages(.pickle) }

    @Test(.timeLimit(.minutes(20))) func messagePackMessages() throws { try Self.readMessages(.messagePack) }

    private static func readMessages(_ format: WireFormat) throws {
        let name = format == .pickle ? "pickle-messages" : "messagepack-messages"
        let tags: [[UInt8]] = [
            [0xdd, 0xff, 0xff, 0xff, 0xff], [0xdf, 0, 1], [0xc6, 0, 0, 0, 9], [0x94], [0xc7, 1, 2],
        ]
        let words = format == .pickle ? Self.pickleWords : tags
        try FuzzRun(name: name, seeds: Self.messages(format), words: words).run { input in
            let body = ByteBuffer(bytes: input)
            if let message = try? format.decodeClientMessage(body) {
                // What was understood can be said again, and means the same.
                var frame = ByteBuffer()
                try format.encode(message, into: &frame)
                frame.moveReaderIndex(forwardBy: SizedFrame.headerSize)
                _ = try format.decodeClientMessage(frame)
            }
            _ = try format.decodeServerMessage(body)
        }
    }

    @Test(.timeLimit(.minutes(20))) func pickles() throws {
        try FuzzRun(name: "pickles", seeds: FuzzRun.corpus("pickles"), words: Self.pickleWords).run { input in
            let record = ByteBuffer(bytes: input)
            _ = ObjectRecord.className(of: record)
            _ = try? ObjectReference.all(in: record)
            if let record = try? ObjectRecord(record) { _ = try ObjectRecord(record.bytes) }
            var buffer = record
            let value = try PickleReader().read(from: &buffer)
            var again = ByteBuffer()
            PickleWriter().write(value, into: &again)
            _ = try PickleReader().read(from: &again)
        }
    }

    @Test(.timeLimit(.minutes(20))) func configurations() throws {
        let words = [
            "<zeo>", "</zeo>", "<filestorage x>", "<a/>", "%define a $b", "%include x", "%import ", "${", "$(", "$$",
            "\n", "address ", "#", "\t", "\u{e9}", "\0", "<", ">", "1gb", "[::1]:80",
        ]
        let seeds = try FuzzRun.corpus("configurations")
        try FuzzRun(name: "configurations", seeds: seeds, words: words.map { [UInt8]($0.utf8) }).run { input in
            let configuration = try Configuration(
                parsing: String(decoding: input, as: UTF8.self),
                file: "zeo.conf",
                environment: { $0 == "HOME" ? "/home" : nil },
                // An included file may include the first one again.
                reading: { _ in String(decoding: input.prefix(200), as: UTF8.self) }
            )
            for section in configuration.root.sections where StorageSections.standard.types.contains(section.type) {
                _ = try? StorageSections.standard.opener(for: section)
            }
        }
    }

    @Test(.timeLimit(.minutes(20))) func dataFiles() async throws {
        try await Self.withMemoryDirectory { directory in
            let path = directory + "/Data.fs"
            let seeds = try FuzzRun.corpus("files")
            let fields = try seeds.map { try Self.fields(of: $0) }
            let run = FuzzRun(name: "files", seeds: seeds, words: [[0x20], [0x70], [0x75], [0x63]]) { fields[$0] }
            try run.run { input in
                try Data(input).write(to: URL(fileURLWithPath: path))
                let faults = try FoundFaults(checking: path, references: true)
                try DataFileDump.run(path) { _ in }
                _ = try? OpenedFile(FileStorageConfiguration(path: path, readOnly: true))
                let recovered = directory + "/Recovered.fs"
                _ = try DataFileRecovery.run(path, into: recovered, keepsPartial: true, overwrites: true) { _ in }
                let again = try FoundFaults(checking: recovered)
                if !again.faults.isEmpty {
                    Issue.record("recovered with \(again.faults) from \(Data(input).base64EncodedString())")
                }
                // Whoever opens a file without complaint must find it sound.
                if faults.faults.isEmpty { _ = try OpenedFile(FileStorageConfiguration(path: path, readOnly: true)) }
            }
        }
    }

    @Test(.timeLimit(.minutes(20))) func indexFiles() async throws {
        try await Self.withMemoryDirectory { directory in
            let path = directory + "/Data.fs"
            let file = try FuzzRun.corpus("files")
            try Data(file[0]).write(to: URL(fileURLWithPath: path))
            let window = try DataFileInput(path).window(1 << 16)
            let run = FuzzRun(name: "indexes", seeds: try FuzzRun.corpus("indexes"), words: Self.pickleWords)
            try run.run { input in
                try Data(input).write(to: URL(fileURLWithPath: IndexFile.path(for: path)))
                _ = try DataFileIndexer.verify(path)
                _ = try? OpenedFile(FileStorageConfiguration(path: path, readOnly: true))
                var window = window
                _ = try IndexAudit.lastTransaction(of: try IndexFile.read(IndexFile.path(for: path)), in: &window)
            }
        }
    }

    /// A folder in memory where there is such a thing: a disk would be asked to make each of thousands of files durable.
    private static func withMemoryDirectory(_ body: (String) throws -> Void) async throws {
        let memory = "/dev/shm"
        guard FileManager.default.isWritableFile(atPath: memory) else {
            return try await withTemporaryDirectory { try body($0) }
        }
        let path = "\(memory)/zkzeo-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    /// Where the heads of transactions and records have their fields.
    private static func fields(of bytes: [UInt8]) throws -> [Range<Int>] {
        var walk = DataFileWalk(DataFileDamage.window(bytes))
        var fields: [Range<Int>] = []
        while let step = try walk.next() {
            guard case .transaction(let transaction) = step else { continue }
            var place = transaction.position
            for width in [8, 8, 1, 2, 2, 2] {
                fields.append(place..<place + width)
                place += width
            }
            for record in transaction.records {
                place = record.position
                for width in [8, 8, 8, 8, 2, 8, 8] {
                    fields.append(place..<place + width)
                    place += width
                }
            }
            fields.append(transaction.end - 8..<transaction.end)
        }
        return fields
    }
}
