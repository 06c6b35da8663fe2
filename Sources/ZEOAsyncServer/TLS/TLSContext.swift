//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOSSL

/// What the TLS library needs, from what a configuration says.
enum TLSContext {
    static func make(_ tls: ZEOServerConfiguration.TLS) throws(ZEOServerError) -> NIOSSLContext {
        let chain = try self.certificates(tls.certificateChain, "the server's certificate")
        let key = try self.key(tls)
        var configuration = TLSConfiguration.makeServerConfigurationWithMTLS(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(key),
            trustRoots: try self.trustRoots(tls.clients)
        )
        configuration.minimumTLSVersion = .tlsv12
        // How long the last word of a client is waited for: a client that is gone has none.
        configuration.shutdownTimeout = .seconds(1)
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw ZEOServerError(
                .cannotUseTLS,
                "The server's certificate (\(tls.certificateChain)) and key (\(tls.privateKey ?? tls.certificateChain)) "
                    + "cannot be used together; does the key belong to the certificate?",
                underlyingError: error
            )
        }
    }

    private static func key(_ tls: ZEOServerConfiguration.TLS) throws(ZEOServerError) -> NIOSSLPrivateKey {
        let source = tls.privateKey ?? tls.certificateChain
        let text = try self.text(of: source, "the server's key")
        guard text.contains("PRIVATE KEY-----") else {
            throw ZEOServerError(
                .cannotUseTLS,
                "There is no private key in \(source); name the PEM file that holds the key of the certificate."
            )
        }
        do {
            // Without a callback the library would ask at the terminal.
            return try NIOSSLPrivateKey(bytes: Array(text.utf8), format: .pem) { use in
                use(Array((tls.passphrase ?? "").utf8))
            }
        } catch {
            let isEncrypted = text.contains("ENCRYPTED")
            let message =
                switch (isEncrypted, tls.passphrase) {
                case (true, nil): "The key in \(source) is encrypted; the server needs its pass-phrase."
                case (true, _): "The key in \(source) cannot be read with this pass-phrase."
                default: "The key in \(source) cannot be read; it should be RSA or of an elliptic curve, in PEM."
                }
            throw ZEOServerError(.cannotUseTLS, message, underlyingError: error)
        }
    }

    private static func trustRoots(
        _ clients: ZEOServerConfiguration.TLS.Clients
    ) throws(ZEOServerError) -> NIOSSLTrustRoots {
        switch clients {
        case .signedBySystemAuthorities:
            return .default
        case .trusted(let pem):
            return .certificates(try self.certificates(pem, "the certificates of clients"))
        case .trustedDirectory(let path):
            return .certificates(try self.certificates(inDirectory: path))
        }
    }

    private static func certificates(
        inDirectory directory: String
    ) throws(ZEOServerError) -> [NIOSSLCertificate] {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
        } catch {
            throw ZEOServerError(.cannotUseTLS, "The directory \(directory) cannot be read.", underlyingError: error)
        }
        var certificates: Set<NIOSSLCertificate> = []
        for name in names where !name.hasPrefix(".") {
            let path = directory + "/" + name
            var isDirectory: ObjCBool = false
            guard unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory),
                !isDirectory.boolValue,
                let data = FileManager.default.contents(atPath: path),
                String(decoding: data, as: UTF8.self).contains(Self.certificateMark)
            else { continue }
            certificates.formUnion(try self.certificates(.file(path: path), "the certificates of clients"))
        }
        guard !certificates.isEmpty else {
            throw ZEOServerError(.cannotUseTLS, "No file in \(directory) holds a certificate in PEM.")
        }
        return Array(certificates)
    }

    private static let certificateMark = "CERTIFICATE-----"

    private static func certificates(
        _ pem: ZEOServerConfiguration.TLS.PEM,
        _ what: String
    ) throws(ZEOServerError) -> [NIOSSLCertificate] {
        let text = try self.text(of: pem, what)
        guard !text.contains("-----BEGIN X509 CRL-----") else {
            throw ZEOServerError(
                .cannotUseTLS,
                "There is a revocation list in \(pem), and this server cannot check one. Take it out, and trust only "
                    + "certificates that are not revoked."
            )
        }
        do {
            let certificates = try NIOSSLCertificate.fromPEMBytes(Array(text.utf8))
            if !certificates.isEmpty { return certificates }
        } catch  where text.contains(Self.certificateMark) {
            throw ZEOServerError(.cannotUseTLS, "A certificate in \(pem) cannot be read.", underlyingError: error)
        } catch {}
        throw ZEOServerError(.cannotUseTLS, "There is no certificate in \(pem), which should be \(what), in PEM.")
    }

    private static func text(
        of pem: ZEOServerConfiguration.TLS.PEM,
        _ what: String
    ) throws(ZEOServerError) -> String {
        switch pem {
        case .text(let text): return text
        case .file(let path):
            do {
                return String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
            } catch {
                throw ZEOServerError(
                    .cannotUseTLS,
                    "The file \(path), which should be \(what), cannot be read.",
                    underlyingError: error
                )
            }
        }
    }
}

extension ZEOServerConfiguration.TLS.PEM: CustomStringConvertible {
    /// Where it is; what it is may be secret.
    public var description: String {
        switch self {
        case .file(let path): path
        case .text: "the given text"
        }
    }
}
