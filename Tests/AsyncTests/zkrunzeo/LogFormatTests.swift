//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import Testing

@testable import zkrunzeo

/// Log lines and rotation, beside Python's logging and ZConfig.
@Suite(.timeLimit(.minutes(1))) struct LogFormatTests {
    private static let record = LogRecord(
        level: .warning,
        name: "ZEO.StorageServer",
        message: "(127.0.0.1:8100) é",
        created: 1_700_000_000.25,
        file: "/src/zkrunzeo/Assembly.swift",
        function: "run",
        line: 42
    )

    private static let formats: [(LogFormat.Style, String)] = [
        (.classic, LogFormat.standard), (.classic, "%(asctime)s %(message)s"), (.classic, "100%% %(levelname)-10s|"),
        (.classic, "%(levelname)10s|%(levelname).3s|%(name)30.5s|"),
        (.classic, "%(levelno)d %(levelno)05d %(levelno)-5d|"),
        (.classic, "%(levelno)s %(levelno)x %(levelno)+d %(created)f %(created).1f %(msecs)03d %(msecs)d %(lineno)4d"),
        (.classic, "%(pathname)s %(filename)s %(funcName)s %(lineno)d %(name)r"),
        (.classic, "%(created)15.2f|%(msecs)s"),
        (.format, "{asctime} {levelname:<9}|{levelname:>9}|{levelname:^10}|{message}"),
        (.format, "{{{levelno:05}}} {name!r}"),
        (.format, "{levelno} {levelno:d} {levelno:+d} {levelno:*^7} {created:.2f} {msecs:g} {message:.4}|{name:*<20}|"),
        (.template, "$asctime ${levelname}: $message $$5 ${name}x"),
        (.safeTemplate, "$asctime ${nothing} $5 $ $message"),
    ]

    @Test func linesAreThoseThatPythonWrites() async throws {
        let dates = [LogFormat.standardDate, "%d.%m.%y %H:%M", ""]
        let cases = Self.formats.flatMap { format in dates.map { (format.0, format.1, $0) } }
        let record: [String: any Sendable] = [
            "name": Self.record.name, "levelno": 30, "pathname": Self.record.file, "lineno": Self.record.line,
            "message": Self.record.message, "funcName": Self.record.function, "created": Self.record.created,
        ]
        let lines = try await Self.python(
            cases.map { ["style": $0.0.rawValue, "format": $0.1, "date": $0.2, "record": record] }
        )
        for (expected, (style, format, date)) in zip(lines, cases) {
            let line = try LogFormat(format, style: style, dateFormat: date).line(Self.record)
            #expect(line == expected as? String, "\(style) \(format) \(date)")
        }
    }

    @Test func filesRotateWhenPythonsDo() async throws {
        let whens: [(String, Int)] = [
            ("S", 1), ("s", 90), ("M", 5), ("H", 1), ("D", 1), ("D", 3), ("MIDNIGHT", 1), ("midnight", 1), ("W0", 1),
            ("W3", 1), ("W6", 1),
        ]
        // Days of a week, and the hours around a change of summer time.
        let times = (0..<8).map { 1_700_000_000 + $0 * 90_000 } + [1_711_846_800, 1_729_990_800]
        let cases = whens.flatMap { when in times.map { (when.0, when.1, $0) } }
        let ends = try await Self.python(cases.map { ["when": $0.0, "interval": $0.1, "time": $0.2] })
        for (expected, (when, count, time)) in zip(ends, cases) {
            let interval = try #require(LogRotation.Interval(when))
            let rotation = LogRotation(rule: .time(interval, count: count), oldFiles: 1)
            let end = try #require(rotation.end(after: Double(time)))
            let pair = try #require(expected as? [Any])
            #expect(Int(end) == pair[0] as? Int, "\(when) \(count) \(time)")
            let name = rotation.oldName(of: "", periodEnding: end)
            #expect(name == pair[1] as? String, "\(when) \(count) \(time)")
            #expect(rotation.isOld(suffix: name.dropFirst()))
            #expect(!rotation.isOld(suffix: "1"))
        }
    }

    @Test func aFileThatRotatesWithTimeKeepsAsManyAsItIsTold() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/zeo.log"
            let rotation = LogRotation(rule: .time(.second, count: 1), oldFiles: 2)
            try "of another day\n".write(toFile: path, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSince1970: 1_600_000_000)],
                ofItemAtPath: path
            )
            try "mine".write(toFile: path + ".notes", atomically: true, encoding: .utf8)
            let sink = try FileSink(FileSink.Options(path: path, rotation: rotation))
            for second in 0..<5 {
                var record = Self.record
                record.created = Double(1_700_000_000 + 10 * second)
                sink.write("line \(second)", record)
            }
            let names = try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
            #expect(names.count == 4, "\(names)")
            #expect(names.contains("zeo.log.notes"))
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "line 4\n")
        }
    }

    @Test func linesGoToSyslog() async throws {
        try await ZEOConf.inDirectory { file in
            let path = file.directory + "/log"
            let listener = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
            defer { close(listener) }
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
            let status = withUnsafeBytes(of: &address) { bytes in
                bind(
                    listener,
                    bytes.assumingMemoryBound(to: sockaddr.self).baseAddress!,
                    socklen_t(MemoryLayout<sockaddr_un>.size)
                )
            }
            try #require(status == 0)
            let run = try file.read(
                ZEOConf.eventLog(
                    "<syslog>\naddress \(path)\nfacility local3\n</syslog>\n"
                        + "<syslog>\naddress \(path)\nformat zeo: %(message)s\nlevel error\n</syslog>"
                )
            )
            run.log.logger("ZEO.test").info("one")
            run.log.logger("ZEO.test").error("two")
            let expected = ["<158>ZEO.test one\0", "<155>ZEO.test two\0", "<11>zeo: two\0"]
            for text in expected {
                var bytes = [UInt8](repeating: 0, count: 100)
                let count = recv(listener, &bytes, bytes.count, Int32(MSG_DONTWAIT))
                #expect(String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self) == text)
            }
        }
    }

    /// What logging_peer.py says to these cases.
    private static func python(_ cases: [[String: any Sendable]]) async throws -> [Any] {
        try await withTemporaryDirectory { directory in
            let lines = try cases.map { value in
                String(decoding: try JSONSerialization.data(withJSONObject: value), as: UTF8.self)
            }
            let file = directory + "/cases"
            try lines.joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
            let output = try await runPython("logging_peer.py", [file]).split(separator: "\n")
            try #require(output.count == cases.count)
            return try output.map {
                try JSONSerialization.jsonObject(with: Data($0.utf8), options: .fragmentsAllowed)
            }
        }
    }
}
