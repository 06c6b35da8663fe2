//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Testing
import ZEOAsyncServer
import ZKZEOAsync
import ZODB
import ZODBStorage

/// Clients that speak TLS, and what they say when that fails.
@Suite(.timeLimit(.minutes(1))) struct ClientTLSTests {
    private func tls(_ certificates: TestCertificates, _ name: String = "client") -> ClientOptions.TLS {
        ClientOptions.TLS(
            certificateChain: .file(path: certificates.path(name + ".pem")),
            privateKey: .file(path: certificates.path(name + ".key")),
            servers: .trusted(.file(path: certificates.path("ca.pem")))
        )
    }

    private func open(
        _ server: ZEOServerUnderTest,
        _ tls: ClientOptions.TLS?,
        host: String = "127.0.0.1",
        _ change: (inout ClientOptions) -> Void = { _ in }
    ) async throws -> ClientStorage {
        var options = ClientOptions()
        options.tls = tls
        change(&options)
        return try await ClientStorage.open(
            addresses: [ServiceAddress(host: host, port: server.port)],
            options: options
        )
    }

    /// Opens a client in vain, and returns why.
    private func failure(
        _ server: ZEOServerUnderTest,
        _ tls: ClientOptions.TLS?,
        host: String = "127.0.0.1"
    ) async throws -> String {
        let error = await #expect(throws: StorageError.self) {
            try await self.open(server, tls, host: host) {
                $0.waitTimeout = .seconds(4)
                $0.connectTimeout = .seconds(2)
            }
        }
        #expect(error?.code == .disconnected)
        return "\(error.map { "\($0)" } ?? "")"
    }

    @Test(arguments: ["127.0.0.1", "localhost"])
    func aClientWithACertificateReadsAndWrites(_ host: String) async throws {
        try await TestCertificates.with { certificates in
            try await withZEOServer {
                $0.tls = certificates.tls
            } _: { server in
                let database = try await Database.open(self.open(server, self.tls(certificates), host: host))
                try await database.transaction { root in root["x"] = 1 }
                await database.close()
                let again = try await Database.open(self.open(server, self.tls(certificates), host: host))
                #expect(try await again.read { root in root["x"]?.int } == 1)
                await again.close()
            }
        }
    }

    @Test(arguments: RunZEO.Wire.allCases)
    func pythonsServerTakesAClientWithACertificate(_ wire: RunZEO.Wire) async throws {
        try await TestCertificates.with { certificates in
            try await withTemporaryDirectory { directory in
                let section = """
                    <ssl>
                      certificate \(certificates.path("server.pem"))
                      key \(certificates.path("server.key"))
                      authenticate \(certificates.path("ca.pem"))
                    </ssl>
                    """
                let server = try await RunZEO.start(in: directory, wire, options: section)
                var options = ClientOptions()
                options.tls = self.tls(certificates)
                for value in 1...2 {
                    let storage = try await ClientStorage.open(addresses: [server.address], options: options)
                    let database = try await Database.open(storage)
                    #expect(try await database.read { root in root["x"]?.int } == (value == 1 ? nil : 1))
                    try await database.transaction { root in root["x"] = .int(value) }
                    await database.close()
                }
                try await server.stop()
            }
        }
    }

    @Test func theAlertOfTheServerIsTold() async throws {
        try await TestCertificates.with { certificates in
            try await withZEOServer {
                $0.tls = certificates.tls
            } _: { server in
                let stranger = try await self.failure(server, self.tls(certificates, "stranger"))
                #expect(stranger.contains("alert 'unknown ca'") || stranger.contains("our certificate"), "\(stranger)")
                var nobody = self.tls(certificates)
                nobody.certificateChain = nil
                nobody.privateKey = nil
                let bare = try await self.failure(server, nobody)
                #expect(bare.contains("certificate required") || bare.contains("our certificate"), "\(bare)")
            }
        }
    }

    @Test func aServerThatIsNotTrustedOrAnotherOneIsRefusedWithAReason() async throws {
        try await TestCertificates.with { certificates in
            try await withZEOServer {
                $0.tls = certificates.tls
            } _: { server in
                var strict = self.tls(certificates)
                strict.servers = .trusted(.file(path: certificates.path("single.pem")))
                let untrusted = try await self.failure(server, strict)
                #expect(untrusted.contains("not among those that are trusted"), "\(untrusted)")
            }
            // This certificate names neither the host nor its address.
            var single = certificates.tls
            single.certificateChain = .file(path: certificates.path("single.pem"))
            single.privateKey = .file(path: certificates.path("single.key"))
            let nameless = single
            try await withZEOServer {
                $0.tls = nameless
            } _: { server in
                var other = self.tls(certificates)
                other.servers = .trusted(.file(path: certificates.path("single.pem")))
                let named = try await self.failure(server, other)
                #expect(named.contains("certificate is for another host"), "\(named)")
                other.checksHostname = false
                try await self.open(server, other).close()
            }
        }
    }

    @Test func aServerThatDoesNotSpeakTLSIsNamed() async throws {
        try await TestCertificates.with { certificates in
            try await withZEOServer { server in
                let reason = try await self.failure(server, self.tls(certificates))
                #expect(reason.contains("does not speak TLS"), "\(reason)")
            }
        }
    }

    @Test func whatIsWrongWithTheFilesIsToldBeforeAnythingElse() async throws {
        try await TestCertificates.with { certificates in
            var locked = self.tls(certificates, "server")
            locked.privateKey = .file(path: certificates.path("server.locked.key"))
            #expect(throws: StorageError.self) { try locked.check() }
            locked.passphrase = "open sesame"
            try locked.check()
            var mixed = self.tls(certificates)
            mixed.privateKey = .file(path: certificates.path("server.key"))
            let error = await #expect(throws: StorageError.self) {
                var options = ClientOptions()
                options.tls = mixed
                _ = try await ClientStorage.open(
                    addresses: [ServiceAddress(host: "localhost", port: 1)],
                    options: options
                )
            }
            #expect(error?.code == .invalidArgument)
            #expect(error?.message.contains("does the key belong to the certificate") == true)
            var numbered = self.tls(certificates)
            numbered.serverHostname = "127.0.0.1"
            #expect(throws: StorageError.self) { try numbered.check() }
        }
    }
}
