//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Testing
import ZODBFormat

@Suite(.timeLimit(.minutes(1))) struct TransactionTimeTests {
    private func double(_ hex: Substring) throws -> Double {
        Double(bitPattern: try #require(UInt64(hex, radix: 16)))
    }

    private func tid(_ hex: Substring) throws -> TransactionID {
        TransactionID(rawValue: try #require(UInt64(hex, radix: 16)))
    }

    @Test func agreesWithPythonsTimeStampToTheBit() async throws {
        var lines = 0
        for line in try await runPython("timestamps.py").split(separator: "\n") {
            let words = line.split(separator: " ")
            lines += 1
            switch words[0] {
            case "moment":
                let moment = try self.double(words[1])
                #expect(TransactionID(secondsSince1970: moment) == (try self.tid(words[2])), "\(line)")
            case "stamp":
                let tid = try self.tid(words[1])
                #expect(tid.secondsSince1970 == (try self.double(words[2])), "\(line)")
                #expect(tid.timeDescription == words[3].replacing("_", with: " "), "\(line)")
                let time = tid.time
                #expect(
                    [time.year, time.month, time.day, time.hour, time.minute].map(String.init)
                        == words[4..<9].map(String.init)
                )
                #expect(time.second == (try self.double(words[9])), "\(line)")
                if time.second < 60 { #expect(TransactionID(time) == tid, "\(line)") }
            default:
                #expect(
                    (try self.tid(words[1])).later(than: try self.tid(words[2])) == (try self.tid(words[3])),
                    "\(line)"
                )
            }
        }
        #expect(lines > 4000)
    }

    @Test func takesWhatNoIdentifierCanHold() {
        #expect(TransactionID(secondsSince1970: -.infinity) == .zero)
        #expect(TransactionID(secondsSince1970: .nan) == .zero)
        #expect(TransactionID(secondsSince1970: -2_208_988_800) == .zero)
        #expect(TransactionID(secondsSince1970: .infinity) > TransactionID(secondsSince1970: 249_999_999_000))
        #expect(TransactionID(timeSince1970: .seconds(-1)).timeDescription == "1969-12-31 23:59:59.000000")
        #expect(TransactionID(TransactionTime(year: 2023, month: 2, day: 29)) == nil)
        #expect(TransactionID(TransactionTime(year: 2024, month: 2, day: 29)) != nil)
        #expect(TransactionID(TransactionTime(year: 1899, month: 12, day: 31)) == nil)
        #expect(TransactionID(TransactionTime(year: 2024, month: 13, day: 1)) == nil)
        #expect(TransactionID(rawValue: .max).later(than: TransactionID(rawValue: .max)).rawValue == .max)
    }

    @Test func sequenceRisesWhateverTheClockDoes() throws {
        var sequence = TransactionIDSequence(after: .zero)
        func next(_ time: Duration) throws -> TransactionID {
            let tid = sequence.next(at: time)
            return try #require(tid)
        }
        let first = try next(.seconds(1_795_358_082) + .microseconds(123_456))
        #expect(first.timeDescription == "2026-11-22 14:34:42.123456")
        let second = try next(.seconds(1_795_358_082))
        #expect(second == first.successor)
        let third = try next(.seconds(0))
        #expect(third == second.successor)
        let fourth = try next(.seconds(1_795_358_083))
        #expect(fourth.timeDescription == "2026-11-22 14:34:43.000000")
        #expect(sequence.last == fourth)
        // Year 9892: no load could be before such an identifier.
        #expect(sequence.next(at: .seconds(250_000_000_000)) == nil)
        #expect(sequence.last == fourth)
    }
}
