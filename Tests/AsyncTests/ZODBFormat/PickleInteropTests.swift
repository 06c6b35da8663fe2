//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Testing
import ZODBFormat

@Suite(.timeLimit(.minutes(5))) struct PickleInteropTests {
    private static func bytes(_ hex: some Sequence<UInt8>) -> ByteBuffer {
        var bytes = ByteBuffer()
        var high: UInt8?
        for digit in hex {
            let nibble = digit < 0x60 ? digit - 0x30 : digit - 0x57
            if let first = high {
                bytes.writeInteger(first << 4 | nibble)
                high = nil
            } else {
                high = nibble
            }
        }
        return bytes
    }

    @Test func readsWhatPythonWritesAndPythonReadsWhatWeWrite() async throws {
        try await withTemporaryDirectory { directory in
            try await runPython("pickles.py", ["make", "300", directory + "/theirs"])
            let theirs = try String(contentsOfFile: directory + "/theirs", encoding: .utf8)
            var ours = ""
            var count = 0
            var written: Set<Substring> = []
            for line in theirs.split(separator: "\n") {
                let words = line.split(separator: " ")
                var pickle = Self.bytes(words[0].utf8)
                let value = try PickleReader().read(from: &pickle)
                #expect(pickle.readableBytes == 0)
                guard value.canonical == words[1] else {
                    Issue.record("\(words[1]) was read as \(value.canonical)")
                    continue
                }
                count += 1
                guard written.insert(words[1]).inserted else { continue }
                var bytes = ByteBuffer()
                PickleWriter().write(value, into: &bytes)
                ours += PickleValue.bytes(bytes).canonical.dropFirst() + " " + words[1] + "\n"
                #expect(try PickleReader().read(from: &bytes) == value)
            }
            #expect(count > 3000)
            try ours.write(toFile: directory + "/ours", atomically: false, encoding: .utf8)
            let checked = try await runPython("pickles.py", ["check", directory + "/ours"])
            #expect(checked == "\(written.count)")
        }
    }
}
