//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// `zkrunzeo demo`.
@Suite(.timeLimit(.minutes(1))) struct DemoCommandTests {
    @Test func theDemoPrintsWhatIsRegisteredAndTakesItBack() async throws {
        try await withTemporaryDirectory { directory in
            let port = try freePort()
            let demo = try zkrunzeo(["demo", "--zookeeper-port", "\(port)"], in: directory)
            try await demo.line(containing: "Ctrl-C stops it.")
            #expect(demo.output.contains("A ZooKeeper server runs at 127.0.0.1:\(port)."))
            #expect(demo.output.contains("/demo"))
            let nodes = try await RegisteredNode.all("127.0.0.1:\(port)", "/databases/demo")
            let name = try #require(nodes.first?.name)
            #expect(demo.lines.contains { $0.trimmingCharacters(in: .whitespaces) == "/\(name)" }, "\(demo.output)")
            let server = try #require(name.split(separator: ":").last.flatMap { Int($0) })
            try await expectServing(port: server)

            // A second one there is told so, and harms nobody.
            let second = try zkrunzeo(["demo", "--zookeeper-port", "\(port)", "--directory", "two"], in: directory)
            try await expectEnd(
                of: second,
                status: 71,
                saying: "zkrunzeo: the demo's ZooKeeper cannot listen at 127.0.0.1:\(port)",
                "--zookeeper-port"
            )
            try await expectServing(port: server, value: 2)

            demo.signal(SIGINT)
            #expect(try await demo.exitStatus() == 0, "\(demo.output)")
            let end = demo.output.components(separatedBy: "The server has taken itself out of ZooKeeper:")
            #expect(end.count == 2 && end[1].contains("/demo") && !end[1].contains(name), "\(demo.output)")
        }
    }

    @Test func aFolderThatADemoUsesIsLeftAlone() async throws {
        try await withTemporaryDirectory { directory in
            let demo = try zkrunzeo(["demo", "--zookeeper-port", "0"], in: directory)
            try await demo.line(containing: "Ctrl-C stops it.")
            let second = try zkrunzeo(["demo", "--zookeeper-port", "0"], in: directory)
            try await expectEnd(of: second, status: 66, saying: "zkrunzeo: storage '1' cannot be opened")
            demo.signal(SIGTERM)
            #expect(try await demo.exitStatus() == 0)
        }
    }

    @Test(arguments: ["file", "file/below", "/proc/zkzeo"])
    func aFolderThatCannotBeWrittenToIsNamed(_ folder: String) async throws {
        try await withTemporaryDirectory { directory in
            try "".write(toFile: directory + "/file", atomically: true, encoding: .utf8)
            let demo = try zkrunzeo(["demo", "--zookeeper-port", "0", "--directory", folder], in: directory)
            try await expectEnd(
                of: demo,
                status: 73,
                saying: "zkrunzeo: ",
                folder,
                "Choose another one with --directory"
            )
        }
    }
}
