//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import Testing
import ZConfig

@testable import zkrunzeo

/// `<eventlog>`: where log lines go, and how they look.
@Suite struct EventLogSectionTests {
    @Test func linesGoToEveryFileThatWantsTheirLevel() async throws {
        try await ZEOConf.inDirectory { file in
            let run = try file.read(
                ZEOConf.eventLog(
                    """
                    level debug
                    <logfile>
                    path \(file.directory)/all.log
                    </logfile>
                    <logfile>
                    path \(file.directory)/bad.log
                    format %(levelname)-8s|%(name)s|%(message)s\\n
                    level warn
                    </logfile>
                    """
                )
            )
            let logger = run.log.logger("test")
            logger.trace("too low")
            logger.debug("low", metadata: ["b": "two words", "a": "1"])
            logger.error("high\nup")
            run.log.quietLogger("quiet").warning("hushed")
            let all = try String(contentsOfFile: file.directory + "/all.log", encoding: .utf8)
                .split(separator: "\n").map { $0.hasPrefix("-") ? $0 : $0.drop { $0 != " " }.dropFirst() }
            #expect(
                all == ["------", "DEBUG test low a=1 b=\"two words\"", "------", "ERROR test high\\nup"]
            )
            let bad = try String(contentsOfFile: file.directory + "/bad.log", encoding: .utf8)
            #expect(bad == "ERROR   |test|high\\nup\n\n")
        }
    }

    @Test func everyKeyOfALogFileIsFollowed() async throws {
        try await ZEOConf.inDirectory { file in
            let path = file.directory + "/zeo.log"
            let run = try file.read(
                ZEOConf.eventLog(
                    """
                    level all
                    <logfile>
                    path \(path)
                    style format
                    format {levelno:>4} {message:.4}
                    dateformat %H
                    max-size 28
                    old-files 2
                    encoding latin-1
                    delay on
                    formatter zope.exceptions.log.Formatter
                    </logfile>
                    """
                )
            )
            #expect(!FileManager.default.fileExists(atPath: path))
            for word in ["één-", "twee", "drie", "vier", "vijf", "zes!"] { run.log.logger("test").info("\(word)") }
            #expect(try String(contentsOfFile: path + ".2", encoding: .isoLatin1) == "  20 één-\n  20 twee\n")
            #expect(try String(contentsOfFile: path + ".1", encoding: .isoLatin1) == "  20 drie\n  20 vier\n")
            #expect(try String(contentsOfFile: path, encoding: .isoLatin1) == "  20 vijf\n  20 zes!\n")
        }
    }

    @Test func aFileThatWasMovedAwayIsOpenedAnew() async throws {
        try await ZEOConf.inDirectory { file in
            let path = file.directory + "/zeo.log"
            let run = try file.read(ZEOConf.eventLog("<logfile>\npath \(path)\nformat %(message)s\n</logfile>"))
            run.log.logger("test").info("before")
            try FileManager.default.moveItem(atPath: path, toPath: path + ".old")
            run.log.logger("test").info("still there")
            run.log.reopen()
            run.log.logger("test").info("after")
            #expect(try String(contentsOfFile: path + ".old", encoding: .utf8) == "before\nstill there\n")
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "after\n")
        }
    }

    @Test(arguments: [
        ("level loud", "zeo.conf:2: 'level' must be"),
        ("path STDERR", "zeo.conf:2: <eventlog> has no key 'path'"),
        ("<logfile>\n</logfile>", "zeo.conf:2: <logfile> needs a key 'path'"),
        ("<logfile>\npath STDERR\nlevel 51\n</logfile>", "zeo.conf:4: 'level' must be"),
        ("<nowhere>\n</nowhere>", "zeo.conf:2: <eventlog> takes no section <nowhere>"),
        ("<email-notifier>\nto a@b\n</email-notifier>", "zeo.conf:2: <email-notifier> would send mail; use <syslog>"),
        ("<http-logger>\n</http-logger>", "zeo.conf:2: <http-logger> would send each line over HTTP"),
        ("<win32-eventlog>\n</win32-eventlog>", "zeo.conf:2: <win32-eventlog> is for Windows alone"),
        ("<syslog>\nfacility loud\n</syslog>", "zeo.conf:3: 'facility' must be one of syslog's facilities"),
        ("<logfile>\npath a\nformat %(mesage)s\n</logfile>", "zeo.conf:4: 'format': there is no field 'mesage'"),
        ("<logfile>\npath a\nformat %(message)d\n</logfile>", "zeo.conf:4: 'format': 'message' is text"),
        ("<logfile>\npath a\nformat 5%\n</logfile>", "zeo.conf:4: 'format': a '%' needs a field behind it"),
        ("<logfile>\npath a\nstyle brace\n</logfile>", "zeo.conf:4: 'style' must be"),
        ("<logfile>\npath a\nformatter my.Formatter\n</logfile>", "zeo.conf:4: the Python class 'my.Formatter'"),
        ("<logfile>\npath a\nmax-size 1mb\n</logfile>", "zeo.conf:2: <logfile> rotates, and needs 'old-files'"),
        ("<logfile>\npath a\nold-files 2\n</logfile>", "zeo.conf:4: <logfile> is to rotate, and does not say when"),
        (
            "<logfile>\npath a\nold-files 2\nmax-size 1\nwhen D\n</logfile>",
            "zeo.conf:5: 'when' and 'max-size' exclude each other"
        ),
        ("<logfile>\npath a\nold-files 2\nwhen W7\n</logfile>", "zeo.conf:5: 'when' must be S, M, H, D"),
        ("<logfile>\npath STDOUT\ndelay yes\n</logfile>", "zeo.conf:4: STDOUT is no file"),
        ("<logfile>\npath a\nencoding klingon\n</logfile>", "zeo.conf:4: 'encoding' must be utf-8"),
    ]) func aFaultIsToldWithItsLine(_ lines: String, _ sentence: String) async throws {
        try await ZEOConf.inDirectory { file in
            let fault = try file.fault(ZEOConf.eventLog(lines))
            #expect(fault.hasPrefix(sentence), "\(fault)")
        }
    }

    @Test func aLogFileThatCannotBeOpenedIsNamed() async throws {
        try await ZEOConf.inDirectory { file in
            let text = ZEOConf.eventLog("<logfile>\npath /nowhere/zeo.log\n</logfile>")
            let reason = try #require(throws: StopReason.self) { try file.read(text) }
            #expect(reason.kind == .file)
            #expect(reason.description == "cannot open the log file /nowhere/zeo.log: No such file or directory")
        }
    }

    @Test(arguments: [
        ("critical", Logger.Level.critical), ("FATAL", .critical), ("error", .error), ("warn", .warning),
        ("Warning", .warning), ("info", .info), ("blather", .info), ("debug", .debug), ("trace", .trace),
        ("all", .trace), ("notset", .trace), ("50", .critical), ("41", .critical), ("40", .error), ("31", .error),
        ("21", .warning),
        ("30", .warning), ("20", .info), ("16", .info), ("15", .info), ("11", .info), ("10", .debug), ("6", .debug),
        ("5", .trace),
        ("0", .trace),
    ]) func levelsAreThoseOfPython(_ text: String, _ level: Logger.Level) throws {
        #expect(try Datatype.logLevel.value(of: text) == level)
    }

    @Test(arguments: ["", "loud", "51", "-1", "1.5"]) func otherLevelsAreRefused(_ text: String) {
        #expect(throws: (any Error).self) { try Datatype.logLevel.value(of: text) }
    }
}
