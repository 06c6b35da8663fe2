//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Testing
import ZODBFormat

@Suite(.timeLimit(.minutes(1))) struct RecordMergeInteropTests {
    /// `ZKZEO_MERGE_CASES` asks for more, and then takes other ones at each run.
    private static let more = ProcessInfo.processInfo.environment["ZKZEO_MERGE_CASES"].flatMap { Int($0) }

    @Test func mergesWhatPythonMergesIntoTheSameBytesAndRefusesTheRest() async throws {
        let seed = Self.more == nil ? 1 : Int.random(in: 0..<1_000_000_000)
        let output = try await runPython("merges.py", ["\(seed)", "\(Self.more ?? 400)"])
        var (merged, refused) = (0, 0)
        for line in output.split(separator: "\n") {
            let words = line.split(separator: " ")
            let records = words[2...4].map { ByteBuffer(hexadecimal: $0) }
            let ours: String
            do {
                let record = try RecordMerge.merge(old: records[0], committed: records[1], new: records[2])
                #expect(RecordMerge.understands(records[2]))
                ours = record.hexadecimal
                merged += 1
            } catch {
                ours = "-"
                refused += 1
            }
            // Where the application's objects take part, Python has the application to ask.
            if words[0] == "other", ours == "-" { continue }
            guard ours == words[5] else {
                Issue.record("seed \(seed): \(line) became \(ours)")
                continue
            }
        }
        #expect(merged > 100)
        #expect(refused > 100)
    }
}
