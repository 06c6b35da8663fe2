//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ZODBFormat

@testable import zkrunzeo

/// `zkrunzeo fs`, beside Python's tools on the same files.
@Suite(.timeLimit(.minutes(1))) struct FSCommandTests {
    @Test func aSoundFileIsCheckedAndDumpedAsPythonDumpsIt() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/Data.fs"
            try await runPython("filestorage.py", ["make", path])
            try await expectEnd(
                of: zkrunzeo(["fs", "check", "Data.fs"], in: directory),
                status: 0,
                saying: "no faults"
            )
            let told = try await expectEnd(of: zkrunzeo(["fs", "check", "-vv", "Data.fs"], in: directory), status: 0)
            let theirs = try await runPython("fstools.py", ["fsdump", path]).split(separator: "\n").map(String.init)
            let ours = try await expectEnd(of: zkrunzeo(["fs", "dump", "Data.fs"], in: directory), status: 0)
            let lines = ours.split(separator: "\n").map(String.init)
            func values(_ key: String, in lines: [String], of prefix: String) -> [String] {
                lines.filter { $0.hasPrefix(prefix) }.map { line in
                    let value = line.components(separatedBy: " \(key)=").dropFirst().first?.split(separator: " ").first
                    return value.map { $0.hasPrefix("0x") ? String($0.dropFirst(2)) : String($0) } ?? ""
                }
            }
            for key in ["tid", "size"] {
                let expected = values(key, in: theirs, of: "Trans")
                #expect(expected.count > 10)
                #expect(values(key, in: lines, of: "transaction") == expected, "\(key)")
            }
            for (key, theirKey) in [("oid", "oid"), ("size", "size"), ("data-of", "bp")] {
                #expect(
                    values(key, in: lines, of: "  record") == values(theirKey, in: theirs, of: "  data"),
                    "\(key)"
                )
            }
            let classes = values("class", in: theirs, of: "  data").map { $0 == "undo" ? "" : $0 }
            // Bytes that are no pickle have no class; Python makes one up.
            for (our, their) in zip(values("class", in: lines, of: "  record"), classes) where our != "?" {
                #expect(our == their)
            }
            #expect(lines.contains { $0.contains("user=\"/ bert 0\" description=\"round 0 ü\"") })
            // As many lines as there are transactions and records, and the summary.
            #expect(told.split(separator: "\n").count == lines.count + 1)

            let tids = values("tid", in: lines, of: "transaction")
            let part = try await expectEnd(
                of: zkrunzeo(
                    ["fs", "dump", "--from", "0x\(tids[2])", "--through", "0x\(tids[4])", path],
                    in: directory
                ),
                status: 0
            )
            #expect(
                values("tid", in: part.split(separator: "\n").map(String.init), of: "transaction") == Array(tids[2...4])
            )
        }
    }

    @Test func referencesThatLeadNowhereAreFoundAsByFsrefs() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/Data.fs"
            try await runPython("fstools.py", ["dangling", path])
            let theirs = try await runPython("fstools.py", ["fsrefs", path])
            let ours = try await expectEnd(
                of: zkrunzeo(["fs", "check", "--references", "Data.fs"], in: directory),
                status: 65,
                saying: ": reference: object 0x0000000000000000 refers to object"
            )
            // fsrefs tells of each object with dangling references, then of each of those.
            let targets = theirs.split(separator: "\n").filter { $0.contains("oid 0x") && $0.hasPrefix("\t") }
                .compactMap { $0.components(separatedBy: "oid 0x").last?.prefix(while: \.isHexDigit) }
            let found = ours.split(separator: "\n").filter { $0.contains("refers to object") }
            #expect(!targets.isEmpty, "\(theirs)")
            #expect(found.count == targets.count, "\(theirs)\n\(ours)")
            for target in targets {
                #expect(found.contains { $0.contains("refers to object 0x") && $0.contains("\(target) ") }, "\(target)")
            }
        }
    }

    @Test func damageIsToldWithItsPositionAndRecovered() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/Data.fs"
            try await runPython("filestorage.py", ["few", path])
            var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            bytes[4 + 15] ^= 1
            try bytes.write(to: URL(fileURLWithPath: path))
            let check = try await expectEnd(
                of: zkrunzeo(["fs", "check", "Data.fs"], in: directory),
                status: 65,
                saying: "Data.fs: position 4: transaction: "
            )
            #expect(check.split(separator: "\n").last?.contains("fault") == true)
            try await expectEnd(of: zkrunzeo(["fs", "dump", "Data.fs"], in: directory), status: 65, saying: "#8")
            try await expectEnd(of: zkrunzeo(["fs", "index", "Data.fs"], in: directory), status: 65, saying: "damaged")
            try await expectEnd(
                of: zkrunzeo(["fs", "recover", "Data.fs", "New.fs"], in: directory),
                status: 65,
                saying: "10 transactions",
                "dropped"
            )
            try await expectEnd(of: zkrunzeo(["fs", "check", "New.fs"], in: directory), status: 0)
            try await expectEnd(
                of: zkrunzeo(["fs", "index", "--verify", "New.fs"], in: directory),
                status: 0,
                saying: "right"
            )
            for output in ["New.fs", "Data.fs", "./Data.fs"] {
                let again = try zkrunzeo(["fs", "recover", "Data.fs", output], in: directory)
                try await expectEnd(of: again, status: 66, saying: output)
            }
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: directory).allSatisfy { !$0.contains("recovering") }
            )
        }
    }

    @Test func theIndexOfAFileInUseIsLeftAlone() async throws {
        try await withTemporaryDirectory { directory in
            let server = try zkrunzeo(["-a", "127.0.0.1", "-f", "Data.fs"], in: directory)
            try await server.line(containing: "listening on")
            try await expectEnd(
                of: zkrunzeo(["fs", "index", "Data.fs"], in: directory),
                status: 75,
                saying: "by process \(server.pid)"
            )
            server.signal(SIGTERM)
            #expect(try await server.exitStatus() == 0)
            try await expectEnd(of: zkrunzeo(["fs", "index", "Data.fs"], in: directory), status: 0)
            let missing = try zkrunzeo(["fs", "index", "Other.fs"], in: directory)
            try await expectEnd(of: missing, status: 66, saying: "Other.fs", "No such file")
            #expect(!FileManager.default.fileExists(atPath: directory + "/Other.fs.lock"))
        }
    }

    @Test(arguments: [
        ("0x03fb", "0x00000000000003fb", "0x00000000000003fb"),
        ("2026-11-22", "2026-11-22 00:00:00.000000", "2026-11-22 23:59:60.000000"),
        ("2026-11-22T14:30Z", "2026-11-22 14:30:00.000000", "2026-11-22 14:30:60.000000"),
        ("2026-11-22 14:30:12", "2026-11-22 14:30:12.000000", "2026-11-22 14:30:13.000000"),
        ("2026-11-22 14:30:12.5", "2026-11-22 14:30:12.500000", "2026-11-22 14:30:12.500000"),
    ]) func boundsAreTidsOrTimes(_ text: String, _ first: String, _ last: String) throws {
        let bound = try #require(TransactionBound(argument: text))
        let isTid = text.hasPrefix("0x")
        #expect((isTid ? bound.first.description : bound.first.timeDescription) == first)
        #expect((isTid ? bound.last.description : bound.last.timeDescription) == last)
        for nonsense in ["", "0x", "0x+1", "2026-13-01", "2026-11-22 25:00", "2026-11-22 1", "yesterday", "2026-11"] {
            #expect(TransactionBound(argument: nonsense) == nil, "\(nonsense)")
        }
    }
}
