//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import Testing
import ZEOProtocol

@testable import ZEOAsyncServer

/// Who is let in over TLS, and what happens to all others.
@Suite(.timeLimit(.minutes(1))) struct TLSClientsTests {
    @Test func clientsWhoseCertificateIsTrustedCommit() async throws {
        try await TestCertificates.with { certificates in
            try await withZEOServer {
                $0.tls = certificates.tls
            } _: { server in
                try await certificates.expectClients(
                    port: server.port,
                    "client=serves",
                    "expired=refused",
                    "stranger=refused",
                    "single=refused",
                    "nobody=refused"
                )
                #expect(
                    server.log.contains("common_name=expired", at: .warning)
                        && server.log.contains("expired on 20", at: .warning),
                    "\(server.log.all)"
                )
                #expect(server.log.contains("common_name=stranger", at: .warning), "\(server.log.all)")
                #expect(server.log.contains("nor signed by one of them (alert 'unknown ca')"), "\(server.log.all)")
                #expect(server.log.contains("the client showed no certificate"), "\(server.log.all)")
                #expect(server.log.contains("TLS handshake with 127.0.0.1:"), "\(server.log.all)")
                // Not only is nobody harmed: the same server goes on.
                try await certificates.expectClients(port: server.port, "client=serves")
            }
        }
    }

    @Test func aDirectoryOfCertificatesLetsInEachOfThem() async throws {
        try await TestCertificates.with { certificates in
            try await withZEOServer {
                $0.tls = certificates.tls
                // Keys and requests lie there, too.
                $0.tls?.clients = .trustedDirectory(path: certificates.directory)
                $0.wireFormat = .messagePack
            } _: { server in
                try await certificates.expectClients(port: server.port, "client=serves", "single=serves")
            }
        }
    }

    @Test func anEmbedderNeedsNoFiles() async throws {
        try await TestCertificates.with { certificates in
            let tls = ZEOServerConfiguration.TLS(
                certificateChain: try certificates.text("server.pem"),
                privateKey: try certificates.text("server.locked.key"),
                passphrase: "open sesame",
                clients: .trusted(try certificates.text("single.pem"))
            )
            try await withZEOServer {
                $0.tls = tls
            } _: { server in
                try await certificates.expectClients(port: server.port, "single=serves", "client=refused")
            }
        }
    }

    @Test func whoSpeaksNoTLSGetsALineAndDoesNoHarm() async throws {
        try await TestCertificates.with { certificates in
            try await withZEOServer {
                $0.tls = certificates.tls
            } _: { server in
                let plain: [UInt8] = [0, 0, 0, 2] + Array("Z5".utf8)
                try await waitForRefusal(at: server.port, sending: plain)
                try await waitForRefusal(at: server.port, sending: Array("GET / HTTP/1.0\r\n\r\n".utf8))
                try await knock(at: server.port, sending: [])
                // The beginning of a handshake.
                try await knock(at: server.port, sending: [22, 3, 1, 2, 0, 1, 0, 1, 252], reset: true)
                for line in ["does not speak TLS", "speaks HTTP and not TLS", "went away in it"] {
                    try await eventually("\(line) is in \(server.log.all)") { server.log.contains(line, at: .warning) }
                }
                try await certificates.expectClients(port: server.port, "client=serves")
            }
        }
    }

    @Test func oneHostCannotFloodTheLog() async throws {
        try await TestCertificates.with { certificates in
            try await withZEOServer {
                $0.tls = certificates.tls
            } _: { server in
                for _ in 0..<50 { try await knock(at: server.port, sending: [], reset: true) }
                try await eventually("a line") { server.log.contains("went away in it") }
                try await waitForRefusal(at: server.port, sending: Array("GET / HTTP/1.0\r\n\r\n".utf8))
                try await eventually("another line") { server.log.contains("speaks HTTP") }
                #expect(server.log.count(of: "TLS handshake") <= 3, "\(server.log.all)")
            }
        }
    }

    @Test func whoIsSilentIsCutOff() async throws {
        try await TestCertificates.with { certificates in
            try await withZEOServer {
                $0.tls = certificates.tls
                $0.tls?.handshakeTimeout = .milliseconds(100)
            } _: { server in
                try await waitForRefusal(at: server.port, sending: [])
                #expect(server.log.contains("the client took too long", at: .warning), "\(server.log.all)")
            }
        }
    }

    @Test func aClientThatTriesTLSAtAPlainPortGetsALine() async throws {
        try await TestCertificates.with { certificates in
            try await withZEOServer { server in
                try await certificates.expectClients(port: server.port, "client=refused")
                #expect(
                    server.log.contains("the client speaks TLS, and this server has no <ssl>", at: .warning),
                    "\(server.log.all)"
                )
                #expect(server.log.count(of: "the client speaks TLS") == 1)
            }
        }
    }
}
