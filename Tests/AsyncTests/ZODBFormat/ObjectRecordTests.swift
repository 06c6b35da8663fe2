//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import ZODBFormat

@Suite(.timeLimit(.minutes(1))) struct ObjectRecordTests {
    private func bytes(_ hex: Substring) throws -> ByteBuffer {
        var bytes = ByteBuffer()
        var rest = hex[...]
        while !rest.isEmpty {
            bytes.writeInteger(try #require(UInt8(rest.prefix(2), radix: 16)))
            rest = rest.dropFirst(2)
        }
        return bytes
    }

    private func hex(_ oid: ObjectID) -> String { String(oid.description.dropFirst(2)) }

    @Test func understandsRecordsOfRealObjectsAsZODBDoes() async throws {
        var lines = 0
        var finder = StrongReferences()
        for line in try await runPython("records.py").split(separator: "\n") {
            let words = line.split(separator: " ").map { $0 == "-" ? "" : $0 }
            let record = try self.bytes(words[1])
            lines += 1

            let references = try ObjectReference.all(in: record)
            let described = references.map { reference in
                self.hex(reference.oid) + (reference.isWeak ? ":w" : "") + (reference.database.map { ":" + $0 } ?? "")
            }
            #expect(described == words[3].split(separator: ",").map(String.init), "\(line)")
            let strong = references.filter(\.isStrong).map { self.hex($0.oid) }
            #expect(strong == words[4].split(separator: ",").map(String.init), "\(line)")
            try finder.find(in: record)
            #expect(finder.oids == references.filter(\.isStrong).map(\.oid), "\(line)")

            #expect(ObjectRecord.className(of: record)?.description == String(words[2]), "\(line)")
            let object = try ObjectRecord(record)
            #expect(try ObjectRecord(object.bytes) == object, "\(line)")
            #expect(try ObjectReference.all(in: object.bytes) == references, "\(line)")
        }
        #expect(lines > 300)
    }

    @Test func stateMayNameWhatTheClassRemembered() throws {
        let record = ByteBuffer(bytes: latin1("cm\nC\nq\u{01}.(U\u{08}\0\0\0\0\0\0\0\u{05}h\u{01}tQ."))
        let object = try ObjectRecord(record)
        let reference = PickleValue.tuple([.identifier(ObjectID(rawValue: 5)), .global(PickleGlobal("m", "C"))])
        #expect(object.state == .persistentID(reference))
        #expect(
            try ObjectReference.all(in: record)
                == [ObjectReference(ObjectID(rawValue: 5), className: PickleGlobal("m", "C"))]
        )
    }

    @Test(arguments: [
        "", "N.", "cm\nC\n.", "cm\nC\n.N", "cm\nC\n.NQ.", "cm\nC\n.K\u{01}\u{85}Q.", "cm\nC\n.Pabc\n.", "cm\nC\n.)Q.",
    ])
    func refusesReferencesItDoesNotUnderstand(record: String) {
        #expect(throws: FormatError.self) { try ObjectReference.all(in: ByteBuffer(bytes: latin1(record))) }
    }

    @Test func saysWhereARecordIsWrong() {
        let record = ByteBuffer(bytes: latin1("cm\nC\n.K\u{01}\u{ff}"))
        #expect(throws: FormatError("object record", "unknown opcode 0xff", at: 8)) { try ObjectRecord(record) }
        #expect(throws: FormatError("object record", "bytes follow the state", at: 8)) {
            try ObjectRecord(ByteBuffer(bytes: latin1("cm\nC\n.N.rest")))
        }
        #expect(ObjectRecord.className(of: ByteBuffer(string: "rubbish")) == nil)
        #expect(ObjectRecord.className(of: ByteBuffer(string: "N.N.")) == nil)
    }

    @Test func scannerSurvivesFlippedBytes() throws {
        var generator = SplitMix(state: 5)
        var finder = StrongReferences()
        let corpus = HostilePickleTests.corpus.flatMap { $0.dropLast() } + latin1(".")
        for _ in 0..<5_000 {
            var record = corpus + corpus
            for _ in 0...generator.next() % 8 {
                record[Int(generator.next() % UInt64(record.count))] = UInt8(truncatingIfNeeded: generator.next())
            }
            let bytes = ByteBuffer(bytes: record)
            // The one reads names of classes that the other skips.
            let isFound = (try? finder.find(in: bytes)) != nil
            guard let references = try? ObjectReference.all(in: bytes) else { continue }
            #expect(isFound)
            #expect(finder.oids == references.filter(\.isStrong).map(\.oid))
        }
        let deep = [UInt8](repeating: UInt8(ascii: "N"), count: 1) + [UInt8](repeating: 0x85, count: 100_000)
        let record = latin1("cm\nC\n.") + deep + latin1(".")
        #expect(try ObjectReference.all(in: ByteBuffer(bytes: record)).isEmpty)
    }
}
