//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ZKZEOAsync

@testable import zkrunzeo

/// What the Nagios plug-in makes of a server's answer: ZEO's form, to the letter.
@Suite struct NagiosReportTests {
    private static func storage(
        loads: Int64 = 0,
        connections: Int64 = 0,
        last: String = "03f1a2b3c4d5e6f7"
    ) -> ServerHealth.Numbers {
        [
            "active_txns": 0, "connections": .integer(connections), "waiting": 0, "aborts": 0, "commits": 0,
            "conflicts": 0, "conflicts_resolved": 0, "loads": .integer(loads), "stores": 0,
            "last-transaction": .string(last),
        ]
    }

    private static let empty = String(repeating: "0", count: 16)

    @Test func aStorageWithDataIsFine() throws {
        let health = ServerHealth(storages: ["1": Self.storage()])
        #expect(try NagiosReport(health, withMetrics: false, since: nil) == NagiosReport(text: "OK", status: 0))
    }

    @Test func anEmptyStorageIsAWarning() throws {
        let health = ServerHealth(storages: ["1": Self.storage(last: Self.empty)])
        let report = try NagiosReport(health, withMetrics: false, since: nil)
        #expect(report == NagiosReport(text: "Empty storage '1'", status: 1))
    }

    @Test func aServerWithoutStoragesIsAWarning() throws {
        let report = try NagiosReport(ServerHealth(storages: [:]), withMetrics: true, since: nil)
        #expect(report == NagiosReport(text: "No storages", status: 1))
    }

    @Test func levelsArePrintedAlways() throws {
        let health = ServerHealth(storages: ["1": Self.storage(connections: 1)])
        let report = try NagiosReport(health, withMetrics: true, since: nil)
        #expect(report == NagiosReport(text: "OK|active_txns=0\n| connections=1\n waiting=0", status: 0))
    }

    @Test func ratesArePrintedWhenThereIsSomethingToCompareWith() throws {
        let health = ServerHealth(storages: ["1": Self.storage(loads: 30)])
        let previous = NagiosReport.Previous(storages: ["1": Self.storage(loads: 10)], age: 8)
        let report = try NagiosReport(health, withMetrics: true, since: previous)
        #expect(
            report.text == """
                OK|active_txns=0
                | connections=0
                 waiting=0
                 aborts=0.0
                 commits=0.0
                 conflicts=0.0
                 conflicts_resolved=0.0
                 loads=2.5
                 stores=0.0
                """
        )
    }

    @Test func severalStoragesAreNamed() throws {
        let health = ServerHealth(storages: [
            "first": Self.storage(last: Self.empty), "the second": Self.storage(last: Self.empty),
        ])
        let report = try NagiosReport(health, withMetrics: true, since: nil)
        #expect(
            report.text == """
                Empty storage 'first'|first:active_txns=0
                Empty storage 'the second'
                | first:connections=0
                 first:waiting=0
                 'the second:active_txns'=0
                 'the second:connections'=0
                 'the second:waiting'=0
                """
        )
        #expect(report.status == 1)
    }

    @Test func anAnswerWithoutANumberIsNoAnswer() {
        let health = ServerHealth(storages: ["1": ["last-transaction": "03"]])
        #expect(throws: PeerFailure.self) { try NagiosReport(health, withMetrics: true, since: nil) }
    }

    @Test(
        arguments: [
            ("1", "'1'"), ("it's", "\"it's\""), ("a\"'", "'a\"\\''"), ("é\n\u{7f}", "'é\\n\\x7f'"),
            ("\u{200b}\u{a0}", "'\\u200b\\xa0'"),
        ]
    )
    func textsAreQuotedAsInPython(text: String, quoted: String) {
        #expect(PythonText.repr(text) == quoted)
    }

    @Test(
        arguments: [
            (0.0, "0.0"), (81.226297803, "81.226297803"), (-2.5, "-2.5"), (1e-5, "1e-05"), (1e16, "1e+16"),
            (12345678901234568.0, "1.2345678901234568e+16"), (1e15, "1000000000000000.0"), (1e22, "1e+22"),
        ]
    )
    func numbersAreWrittenAsInPython(number: Double, text: String) {
        #expect(PythonText.number(number) == text)
    }

    @Test(
        arguments: [
            ("127.0.0.1:8100", PeerAddress.internet(host: "127.0.0.1", port: 8100)),
            ("[::1]:8100", .internet(host: "::1", port: 8100)), ("db:1", .internet(host: "db", port: 1)),
            ("./sock", .unix(path: "./sock")), (":8100", .unix(path: ":8100")), ("db:x", .unix(path: "db:x")),
        ]
    )
    func addressesAreReadAsInPython(text: String, address: PeerAddress) {
        #expect(PeerAddress(text) == address)
    }
}
