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

    @Test func whatIsWrongIsSaid() async throws {
        try await TestCertificates.with { certificates in
            func fault(_ change: (inout ZEOServerConfiguration.TLS) -> Void) throws -> String {
                var tls = certificates.tls
                change(&tls)
                let error = try #require(throws: ZEOServerError.self) { try tls.check() }
                #expect(error.code == .cannotUseTLS)
                return error.message.replacing(certificates.directory + "/", with: "")
            }
            #expect(
                try fault { $0.certificateChain = .file(path: certificates.path("none.pem")) }
                    == "The file none.pem, which should be the server's certificate, cannot be read."
            )
            #expect(
                try fault { $0.certificateChain = .file(path: certificates.path("server.key")) }
                    == "There is no certificate in server.key, which should be the server's certificate, in PEM."
            )
            #expect(
                try fault { $0.privateKey = nil }.hasPrefix("There is no private key in server.pem; name the PEM file")
            )
            #expect(
                try fault { $0.privateKey = .file(path: certificates.path("client.key")) }
                    .contains("does the key belong to the certificate?")
            )
            #expect(
                try fault { $0.privateKey = .file(path: certificates.path("server.locked.key")) }
                    == "The key in server.locked.key is encrypted; the server needs its pass-phrase."
            )
            #expect(
                try fault {
                    $0.privateKey = .file(path: certificates.path("server.locked.key"))
                    $0.passphrase = "sesame"
                } == "The key in server.locked.key cannot be read with this pass-phrase."
            )
            #expect(
                try fault { $0.clients = .trusted(.text("-----BEGIN X509 CRL-----\n-----END X509 CRL-----\n")) }
                    .hasPrefix("There is a revocation list in the given text")
            )
            #expect(
                try fault {
                    $0.clients = .trusted(.text("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"))
                }
                    == "A certificate in the given text cannot be read."
            )
            #expect(
                try fault { $0.clients = .trustedDirectory(path: "/nowhere") }
                    == "The directory /nowhere cannot be read."
            )
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
