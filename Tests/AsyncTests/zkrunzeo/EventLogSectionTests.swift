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
                .split(separator: "\n").map { $0.drop { $0 != " " }.dropFirst() }
            #expect(all == ["DEBUG test low a=1 b=\"two words\"", "ERROR test high\\nup"])
            let bad = try String(contentsOfFile: file.directory + "/bad.log", encoding: .utf8)
            #expect(bad.hasSuffix(" ERROR test high\\nup\n") && bad.filter(\.isNewline).count == 1)
        }
    }

    @Test func whatIsNotFollowedIsAWarningWithItsLine() async throws {
        try await ZEOConf.inDirectory { file in
            let run = try file.read(
                ZEOConf.eventLog("<logfile>\npath STDERR\nformat %(message)s\nmax-size 1mb\n</logfile>")
            )
            #expect(run.warnings.count == 2)
            #expect(run.warnings.first?.contains("zeo.conf:4") == true, "\(run.warnings)")
            #expect(run.warnings.last?.contains("'max-size'") == true)
        }
    }

    @Test(arguments: [
        ("level loud", "zeo.conf:2: 'level' must be"),
        ("path STDERR", "zeo.conf:2: <eventlog> has no key 'path'"),
        ("<logfile>\n</logfile>", "zeo.conf:2: <logfile> needs a key 'path'"),
        ("<logfile>\npath STDERR\nlevel 51\n</logfile>", "zeo.conf:4: 'level' must be"),
        ("<syslog>\n</syslog>", "zeo.conf:2: <eventlog> takes no section <syslog>"),
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
        ("Warning", .warning), ("info", .info), ("blather", .debug), ("debug", .debug), ("trace", .trace),
        ("all", .trace), ("notset", .trace), ("50", .critical), ("41", .critical), ("40", .error), ("31", .error),
        ("30", .warning), ("20", .info), ("16", .info), ("15", .debug), ("10", .debug), ("6", .debug), ("5", .trace),
        ("0", .trace),
    ]) func levelsAreThoseOfPython(_ text: String, _ level: Logger.Level) throws {
        #expect(try Datatype.logLevel.value(of: text) == level)
    }

    @Test(arguments: ["", "loud", "51", "-1", "1.5"]) func otherLevelsAreRefused(_ text: String) {
        #expect(throws: (any Error).self) { try Datatype.logLevel.value(of: text) }
    }
}
