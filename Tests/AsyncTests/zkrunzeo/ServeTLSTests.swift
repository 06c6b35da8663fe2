//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// `<ssl>` in a configuration, with Python's clients.
@Suite(.timeLimit(.minutes(1))) struct ServeTLSTests {
    private static func configuration(_ lines: String) -> String {
        ExitStatusTests.unregistered("127.0.0.1", "<ssl>\n\(lines)\n</ssl>")
    }

    @Test(arguments: [
        ("certificate server.pem\nkey server.key\nauthenticate ca.pem", ["client=serves", "single=refused"]),
        ("certificate server.all.pem\nauthenticate .", ["client=serves", "single=serves"]),
        (
            "certificate server.pem\nkey server.locked.key\nauthenticate single.pem\npassword-file phrase",
            ["client=refused", "single=serves"]
        ),
        (
            "certificate server.pem\nkey server.locked.key\nauthenticate ca.pem\npassword-environment PHRASE",
            ["client=serves"]
        ),
        ("certificate server.pem\nkey server.key\nauthenticate SIGNED", ["client=refused", "nobody=refused"]),
    ]) func clientsAreLetInAsTheSectionSays(_ lines: String, _ clients: [String]) async throws {
        try await TestCertificates.with { certificates in
            let directory = certificates.directory
            try "open sesame\n".write(toFile: directory + "/phrase", atomically: true, encoding: .utf8)
            let server = try await RunningServer.start(
                Self.configuration(lines),
                in: directory,
                environment: ["PHRASE": "open sesame"]
            )
            try await runPython("tls_clients.py", ["\(server.port)", directory] + clients)
            #expect(try await server.stop() == 0)
        }
    }

    @Test func certificatesAreReadAnewAndBrokenOnesAreNotTaken() async throws {
        try await TestCertificates.with { certificates in
            let directory = certificates.directory
            func copy(_ name: String, to other: String) throws {
                try String(contentsOfFile: certificates.path(name), encoding: .utf8)
                    .write(toFile: certificates.path(other), atomically: true, encoding: .utf8)
            }
            try copy("ca.pem", to: "trusted.pem")
            try copy("server.all.pem", to: "own.pem")
            let lines = "certificate own.pem\nauthenticate trusted.pem\npassword-file phrase"
            try "".write(toFile: directory + "/phrase", atomically: true, encoding: .utf8)
            let server = try await RunningServer.start(Self.configuration(lines), in: directory)
            try await certificates.expectClients(port: server.port, "client=serves", "single=refused")

            // Others are let in, and the new key is encrypted.
            try copy("single.pem", to: "trusted.pem")
            let chain = try String(contentsOfFile: certificates.path("server.pem"), encoding: .utf8)
            let key = try String(contentsOfFile: certificates.path("server.locked.key"), encoding: .utf8)
            try (chain + key).write(toFile: directory + "/own.pem", atomically: true, encoding: .utf8)
            try "open sesame\n".write(toFile: directory + "/phrase", atomically: true, encoding: .utf8)
            server.process.signal(SIGUSR2)
            try await server.process.line(containing: "Certificates read anew")
            try await certificates.expectClients(port: server.port, "client=refused", "single=serves")

            try chain.write(toFile: directory + "/own.pem", atomically: true, encoding: .utf8)
            server.process.signal(SIGUSR2)
            let line = try await server.process.line(containing: "the certificates stay as they were:")
            #expect(line.contains("There is no private key in own.pem"))
            try await certificates.expectClients(port: server.port, "client=refused", "single=serves")
            #expect(try await server.stop() == 0)
            #expect(!server.process.output.contains("was not handled"))
        }
    }

    @Test(arguments: [
        ("key server.key\nauthenticate ca.pem", ":3: <ssl> needs a key 'certificate'"),
        ("certificate server.pem\nkey server.key", ":3: <ssl> needs a key 'authenticate'"),
        ("certificate none.pem\nauthenticate ca.pem", ":4: 'certificate' must be a file that exists, not 'none.pem'"),
        ("certificate server.pem\nkey client.key\nauthenticate ca.pem", ":3: <ssl>: The server's certificate"),
        ("certificate server.pem\nauthenticate ca.pem", ":3: <ssl>: There is no private key in server.pem"),
        (
            "certificate server.pem\nkey server.locked.key\nauthenticate ca.pem",
            ":3: <ssl>: The key in server.locked.key is encrypted; the server needs its pass-phrase."
        ),
        ("certificate server.all.pem\nauthenticate none.pem", ":5: 'authenticate' must be a file or a directory"),
        ("certificate server.all.pem\nauthenticate DYNAMIC", ":5: 'authenticate' must be a file or a directory"),
        ("certificate server.all.pem\npassword-function a.b", ":5: 'password-function' names a Python function"),
        ("certificate server.all.pem\ncheck-hostname no", ":5: 'check-hostname' is for the <ssl> of clients"),
        (
            "certificate server.all.pem\npassword-environment NOT_THERE\nauthenticate ca.pem",
            ":5: the environment has no variable 'NOT_THERE'"
        ),
        (
            "certificate server.all.pem\npassword-environment HOME\npassword-file ca.pem\nauthenticate ca.pem",
            ":5: 'password-file' and 'password-environment' exclude each other"
        ),
        ("certificate server.all.pem\ncertificat x", ":5: <ssl> has no key 'certificat'; did you mean 'certificate'?"),
    ]) func aFaultIsToldWithItsLine(_ lines: String, _ sentence: String) async throws {
        try await TestCertificates.with { certificates in
            let process = try zkrunzeo(configuration: Self.configuration(lines), in: certificates.directory)
            try await expectEnd(of: process, status: 78, saying: "zeo.conf" + sentence)
        }
    }
}
