//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Testing

@testable import zkrunzeo

/// A text of a configuration, as `zkrunzeo -C` reads it.
struct ZEOConf {
    let directory: String

    /// What the command would run with `-C`, these arguments and this environment.
    func read(
        _ text: String,
        _ arguments: [String] = [],
        environment: [String: String] = [:]
    ) throws -> RunConfiguration {
        let path = self.directory + "/zeo.conf"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return try ServeCommand.parse(["-C", path] + arguments).runConfiguration(environment: environment)
    }

    /// What is wrong with the text, without the path of the directory.
    func fault(
        _ text: String,
        _ arguments: [String] = [],
        environment: [String: String] = [:]
    ) throws -> String {
        let reason = try #require(throws: StopReason.self) {
            try self.read(text, arguments, environment: environment)
        }
        #expect(reason.kind == .configuration)
        return reason.description.replacingOccurrences(of: self.directory + "/", with: "")
    }

    /// Runs `body` with a directory for configurations.
    static func inDirectory(_ body: (ZEOConf) throws -> Void) async throws {
        try await withTemporaryDirectory { try body(ZEOConf(directory: $0)) }
    }

    /// A configuration with a storage in memory and more lines in `<zeo>`.
    static func zeo(_ lines: String) -> String {
        "<zeo>\n\(lines)\n</zeo>\n<mappingstorage>\n</mappingstorage>\n"
    }

    /// A configuration with a storage in memory and a section `<zookeeper>`.
    static func zooKeeper(_ lines: String) -> String {
        "<zookeeper>\n\(lines)\n</zookeeper>\n" + self.zeo("address 8100")
    }

    /// A configuration with a storage in memory and a section `<eventlog>`.
    static func eventLog(_ lines: String) -> String {
        "<eventlog>\n\(lines)\n</eventlog>\n" + self.zeo("address 8100")
    }
}
