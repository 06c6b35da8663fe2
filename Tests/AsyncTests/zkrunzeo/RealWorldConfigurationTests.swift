//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Configurations as they are found in the world: each starts a server, or is refused with the right sentence.
///
/// A file in Configurations says in a line that begins with `#:` which: `starts`, or the exit status, the line of the
/// fault and the beginning of what is said about it. Files under /srv/plone are looked for in a folder of the test.
@Suite(.timeLimit(.minutes(1))) struct RealWorldConfigurationTests {
    private static let folder = TestPaths.root + "/Tests/AsyncTests/zkrunzeo/Configurations"
    private static let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
        .filter { $0.hasSuffix(".conf") }.sorted()

    @Test(arguments: Self.names) func itStartsOrIsRefusedWithTheRightSentence(_ name: String) async throws {
        try await TestCertificates.with { certificates in
            let root = certificates.directory + "/plone"
            for part in ["var/filestorage", "var/log", "var/blobstorage", "parts/zeoserver"] {
                try FileManager.default.createDirectory(atPath: "\(root)/\(part)", withIntermediateDirectories: true)
            }
            try FileManager.default.createSymbolicLink(
                atPath: root + "/etc",
                withDestinationPath: certificates.directory
            )
            let text = try Self.text(name, root)
            try FileManager.default.createDirectory(atPath: root + "/included", withIntermediateDirectories: true)
            try Self.text("included/common.conf", root)
                .write(toFile: root + "/included/common.conf", atomically: true, encoding: .utf8)
            try text.write(toFile: root + "/\(name)", atomically: true, encoding: .utf8)
            let process = try zkrunzeo(["-C", name, "--test"], in: root, environment: Self.environment)
            let expectation = try #require(
                text.split(separator: "\n").first { $0.hasPrefix("#: ") }?.dropFirst(3),
                "\(name) says nothing about itself"
            )
            if expectation == "starts" {
                try await expectEnd(of: process, status: 0, saying: "testing exit immediately")
            } else {
                let words = expectation.split(separator: " ", maxSplits: 1)
                try await expectEnd(of: process, status: try #require(Int32(words[0])), saying: name + words[1])
            }
        }
    }

    @Test func thereAreManyOfThem() {
        #expect(Self.names.count >= 20)
    }

    private static let environment = [
        "ZEO_READ_ONLY": "false", "ZEO_INVALIDATION_QUEUE_SIZE": "250", "ZEO_PACK_KEEP_OLD": "true",
    ]

    /// A configuration with its files in `root`, at a port of the system's choice.
    private static func text(_ name: String, _ root: String) throws -> String {
        try String(contentsOfFile: "\(Self.folder)/\(name)", encoding: .utf8)
            .replacing("/srv/plone", with: root)
            .replacing(/^( *address .*?)(8090|8100|9999)$/.anchorsMatchLineEndings()) { "\($0.output.1)0" }
    }
}
