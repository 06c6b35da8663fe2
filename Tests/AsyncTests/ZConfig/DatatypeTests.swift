//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ZConfig

@Suite(.timeLimit(.minutes(1))) struct DatatypeTests {
    private static let integers = [
        "", "0", "12", "-5", "+5", " 7", "1_000", "1__0", "_1", "1_", "1.5", "abc", "0x10", "1 2", "010",
    ]
    private static let words = [
        "", "a", "A1_b", "1a", "a.b", ".a.b", "a..b", "a.", "a-b", "é", "a b", "_x", "BTrees.OOBTree",
    ]
    private static let addresses = [
        "8100", "localhost", "LocalHost:8100", "127.0.0.1:8100", "127.0.0.1: 8100", ":8100", "host:", "[::1]:8100",
        "::1", "::", "fe80::1", "./sock", "/var/zeo.sock", "sub/sock", "host:port", "host:70000", "a b", "0",
    ]

    static let cases: [(datatype: String, texts: [String])] = [
        ("integer", integers),
        ("port-number", integers + ["65535", "65536", "-1"]),
        ("float", integers + ["1e3", "-0.25", "1_0.5", "0x1p3", ".5", "5."]),
        ("boolean", ["yes", "No", "TRUE", "false", "on", "Off", "1", "0", "", "y"]),
        ("byte-size", integers + ["1KB", "2mb", "3 GB", "4 b", "KB", "-1kb", "1.5mb", "10k"]),
        ("time-interval", integers + ["1s", "2M", "3h", "4 d", "d", "1.5h", "1y"]),
        ("timedelta", ["4w 2d 7h 12m 0.5s", "", "1s", "1s 2s", "-1h", "1x", "s", "1.5h 30m", "5"]),
        ("identifier", words),
        ("dotted-name", words),
        ("dotted-suffix", words),
        ("basic-key", words),
        ("string-list", ["a b", "", "  a\u{a0}b   c "]),
        ("string", ["", "Any Text"]),
        ("inet-address", addresses),
        ("inet-connection-address", addresses),
        ("socket-address", addresses),
        ("socket-binding-address", addresses),
        ("socket-connection-address", addresses),
    ]

    @Test func convertValuesAsPythonDoes() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/values"
            let pairs = Self.cases.flatMap { entry in entry.texts.map { (entry.datatype, $0) } }
            let text = pairs.map { $0 + "\t" + $1 + "\n" }.joined()
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            var answers = try await runPython("zconfig_texts.py", ["values", path]).components(separatedBy: "\n")
            if answers.count < pairs.count { answers.append("") }
            for ((datatype, text), answer) in zip(pairs, answers) {
                #expect(self.value(text, datatype) == answer, "\(datatype) of '\(text)'")
            }
        }
    }

    private func value(_ text: String, _ datatype: String) -> String {
        do {
            switch datatype {
            case "integer": return "\(try Datatype.integer.value(of: text))"
            case "port-number": return "\(try Datatype.portNumber.value(of: text))"
            case "float": return "\(try Datatype.float.value(of: text))"
            case "boolean": return try Datatype.boolean.value(of: text) ? "True" : "False"
            case "byte-size": return "\(try Datatype.byteSize.value(of: text))"
            case "time-interval": return "\(try Datatype.timeInterval.value(of: text).components.seconds)"
            case "timedelta": return "\(try Datatype.timedelta.value(of: text) / .seconds(1))"
            case "identifier": return try Datatype.identifier.value(of: text)
            case "dotted-name": return try Datatype.dottedName.value(of: text)
            case "dotted-suffix": return try Datatype.dottedSuffix.value(of: text)
            case "basic-key": return try Datatype.basicKey.value(of: text)
            case "string-list": return try Datatype.stringList.value(of: text).joined(separator: "|")
            case "string": return try Datatype.string.value(of: text)
            case "inet-address": return self.text(try Datatype.inetAddress.value(of: text))
            case "inet-connection-address": return self.text(try Datatype.inetConnectionAddress.value(of: text))
            case "socket-address": return self.text(try Datatype.socketAddress.value(of: text))
            case "socket-binding-address": return self.text(try Datatype.socketBindingAddress.value(of: text))
            default: return self.text(try Datatype.socketConnectionAddress.value(of: text))
            }
        } catch {
            return "refused"
        }
    }

    private func text(_ address: ConfigurationAddress) -> String {
        switch address {
        case .unix(let path): path
        case .internet(let host, let port): "\(host) \(port.map { "\($0)" } ?? "None")"
        }
    }

    @Test(arguments: ["99999", "a b:1", "[::1", "", " ", "host name", "[::1]x:5"])
    func refusesAddressesThatNothingCanListenAt(text: String) {
        #expect(throws: (any Error).self) { try Datatype.socketAddress.value(of: text) }
    }

    @Test func pathsAskOnlyWhatTheyAreGiven() throws {
        let files = FileQuestions(
            exists: { ["/home/zeo", "/home/zeo/file"].contains($0) },
            isDirectory: { ["/", "/home/zeo"].contains($0) },
            home: { $0 == nil || $0 == "zeo" ? "/home/zeo" : nil }
        )
        #expect(try Datatype.existingDirectory(files).value(of: "~") == "/home/zeo")
        #expect(try Datatype.existingFile(files).value(of: "~zeo/file") == "/home/zeo/file")
        #expect(try Datatype.existingDirpath(files).value(of: "Data.fs") == "Data.fs")
        #expect(try Datatype.existingDirpath(files).value(of: "/Data.fs") == "/Data.fs")
        #expect(throws: (any Error).self) { try Datatype.existingDirectory(files).value(of: "/home/zeo/file") }
        #expect(throws: (any Error).self) { try Datatype.existingPath(files).value(of: "~other/file") }
        #expect(throws: (any Error).self) { try Datatype.existingDirpath(files).value(of: "/none/Data.fs") }
    }

    @Test func weeksAreTimeIntervalsToo() throws {
        #expect(try Datatype.timeInterval.value(of: "2w") == .seconds(1_209_600))
        #expect(try Datatype.milliseconds.value(of: "1500") == .milliseconds(1500))
        #expect(throws: (any Error).self) { try Datatype.byteSize.value(of: "9999999999999GB") }
    }
}
