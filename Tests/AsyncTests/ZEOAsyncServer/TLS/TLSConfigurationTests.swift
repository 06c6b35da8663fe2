//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Testing
import ZODBStorage

@testable import ZEOAsyncServer

/// What is said about certificates and keys that cannot be used.
@Suite(.timeLimit(.minutes(1))) struct TLSConfigurationTests {
    @Test func whatIsRightIsTaken() async throws {
        try await TestCertificates.with { certificates in
            try certificates.tls.check()
            var tls = certificates.tls
            tls.certificateChain = .file(path: certificates.path("server.all.pem"))
            tls.privateKey = nil
            tls.clients = .signedBySystemAuthorities
            try tls.check()
        }
    }

    private struct Wrong: Sendable {
        var sentence: String
        var change: @Sendable (inout ZEOServerConfiguration.TLS, TestCertificates) -> Void

        init(
            _ sentence: String,
            _ change: @escaping @Sendable (inout ZEOServerConfiguration.TLS, TestCertificates) -> Void
        ) {
            self.sentence = sentence
            self.change = change
        }
    }

    private static let wrong = [
        Wrong("The file none.pem, which should be the server's certificate, cannot be read.") {
            $0.certificateChain = .file(path: $1.path("none.pem"))
        },
        Wrong("There is no certificate in server.key, which should be the server's certificate, in PEM.") {
            $0.certificateChain = .file(path: $1.path("server.key"))
        },
        Wrong("There is no private key in server.pem; name the PEM file that holds the key of the certificate.") {
            tls,
            _ in
            tls.privateKey = nil
        },
        Wrong(
            "The server's certificate (server.pem) and key (client.key) cannot be used together; does the key belong to "
                + "the certificate?"
        ) {
            $0.privateKey = .file(path: $1.path("client.key"))
        },
        Wrong("The key in server.locked.key is encrypted; the server needs its pass-phrase.") {
            $0.privateKey = .file(path: $1.path("server.locked.key"))
        },
        Wrong("The key in server.locked.key cannot be read with this pass-phrase.") {
            $0.privateKey = .file(path: $1.path("server.locked.key"))
            $0.passphrase = "sesame"
        },
        Wrong(
            "There is a revocation list in the given text, and this server cannot check one. Take it out, and trust only "
                + "certificates that are not revoked."
        ) { tls, _ in
            tls.clients = .trusted(.text("-----BEGIN X509 CRL-----\n-----END X509 CRL-----\n"))
        },
        Wrong("A certificate in the given text cannot be read.") { tls, _ in
            tls.clients = .trusted(.text("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"))
        },
        Wrong("The directory /nowhere cannot be read.") { tls, _ in
            tls.clients = .trustedDirectory(path: "/nowhere")
        },
    ]

    @Test func whatIsWrongIsSaid() async throws {
        try await TestCertificates.with { certificates in
            for wrong in Self.wrong {
                var tls = certificates.tls
                wrong.change(&tls, certificates)
                do throws(ZEOServerError) {
                    try tls.check()
                    Issue.record("not noticed: \(wrong.sentence)")
                } catch {
                    #expect(error.code == .cannotUseTLS)
                    #expect(error.message.replacing(certificates.directory + "/", with: "") == wrong.sentence)
                }
            }
        }
    }

    @Test func aServerThatCannotUseItsCertificateDoesNotStart() async throws {
        var configuration = ZEOServerConfiguration(address: .hostname("127.0.0.1", port: 0))
        configuration.tls = .init(certificateChain: .file(path: "/nowhere.pem"), clients: .signedBySystemAuthorities)
        let server = ZEOServer(
            configuration: configuration,
            storages: [("1", MappingStorage())],
            logger: ServerLogLines().makeLogger()
        )
        let error = try await #require(throws: ZEOServerError.self) { try await server.run() }
        #expect(error.code == .cannotUseTLS)
    }
}
