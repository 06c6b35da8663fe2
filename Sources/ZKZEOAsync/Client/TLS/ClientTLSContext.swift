//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOSSL
import ZODBStorage

/// What the TLS library needs, from what the options say.
enum ClientTLSContext {
    static func make(_ tls: ClientOptions.TLS) throws(StorageError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.certificateVerification = tls.checksHostname ? .fullVerification : .noHostnameVerification
        configuration.trustRoots = try self.trustRoots(tls.servers)
        if let chain = tls.certificateChain {
            let certificates = try self.certificates(chain, "the client's certificate")
            configuration.certificateChain = certificates.map { .certificate($0) }
            configuration.privateKey = .privateKey(try self.key(tls.privateKey ?? chain, tls.passphrase))
        }
        if let name = tls.serverHostname, name.isEmpty || (try? SocketAddress(ipAddress: name, port: 0)) != nil {
            throw self.fault("the name to expect in the server's certificate, '\(name)', must be a host name")
        }
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw self.fault(
                "the client's certificate and key cannot be used together; does the key belong to the certificate?",
                error
            )
        }
    }

    private static func key(_ pem: ClientOptions.TLS.PEM, _ passphrase: String?) throws(StorageError)
        -> NIOSSLPrivateKey
    {
        let text = try self.text(of: pem, "the client's key")
        guard text.contains("PRIVATE KEY-----") else {
            throw self.fault(
                "there is no private key in \(pem); name the PEM file that holds the key of the certificate"
            )
        }
        do {
            // Without a callback the library would ask at the terminal.
            return try NIOSSLPrivateKey(bytes: Array(text.utf8), format: .pem) { use in
                use(Array((passphrase ?? "").utf8))
            }
        } catch {
            let sentence =
                switch (text.contains("ENCRYPTED"), passphrase) {
                case (true, nil): "the key in \(pem) is encrypted; the client needs its pass-phrase"
                case (true, _): "the key in \(pem) cannot be read with this pass-phrase"
                default: "the key in \(pem) cannot be read; it should be RSA or of an elliptic curve, in PEM"
                }
            throw self.fault(sentence, error)
        }
    }

    private static func trustRoots(_ servers: ClientOptions.TLS.Servers) throws(StorageError) -> NIOSSLTrustRoots {
        switch servers {
        case .signedBySystemAuthorities: .default
        case .trusted(let pem): .certificates(try self.certificates(pem, "the certificates of servers"))
        case .trustedDirectory(let path): .certificates(try self.certificates(inDirectory: path))
        }
    }

    private static func certificates(inDirectory directory: String) throws(StorageError) -> [NIOSSLCertificate] {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
        } catch {
            throw self.fault("the directory \(directory) cannot be read", error)
        }
        var certificates: Set<NIOSSLCertificate> = []
        for name in names where !name.hasPrefix(".") {
            // Other things may lie there, too.
            guard let data = FileManager.default.contents(atPath: directory + "/" + name) else { continue }
            let text = String(decoding: data, as: UTF8.self)
            guard text.contains(Self.certificateMark) else { continue }
            certificates.formUnion(try self.certificates(.text(text), "a certificate in \(directory)/\(name)"))
        }
        guard !certificates.isEmpty else { throw self.fault("no file in \(directory) holds a certificate in PEM") }
        return Array(certificates)
    }

    private static let certificateMark = "CERTIFICATE-----"

    private static func certificates(
        _ pem: ClientOptions.TLS.PEM,
        _ what: String
    ) throws(StorageError) -> [NIOSSLCertificate] {
        let text = try self.text(of: pem, what)
        guard !text.contains("-----BEGIN X509 CRL-----") else {
            throw self.fault(
                "there is a revocation list in \(pem), and this client cannot check one; take it out, and trust only "
                    + "certificates that are not revoked"
            )
        }
        do {
            let certificates = try NIOSSLCertificate.fromPEMBytes(Array(text.utf8))
            if !certificates.isEmpty { return certificates }
        } catch  where text.contains(Self.certificateMark) {
            throw self.fault("a certificate in \(pem) cannot be read", error)
        } catch {}
        throw self.fault("there is no certificate in \(pem), which should be \(what), in PEM")
    }

    private static func text(of pem: ClientOptions.TLS.PEM, _ what: String) throws(StorageError) -> String {
        switch pem {
        case .text(let text): return text
        case .file(let path):
            do {
                return String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
            } catch {
                throw self.fault("the file \(path), which should be \(what), cannot be read", error)
            }
        }
    }

    private static func fault(_ sentence: String, _ error: (any Error)? = nil) -> StorageError {
        StorageError(.invalidArgument, sentence, underlyingError: error)
    }
}

extension ClientOptions.TLS.PEM: CustomStringConvertible {
    /// Where it is; what it is may be secret.
    public var description: String {
        switch self {
        case .file(let path): path
        case .text: "the given text"
        }
    }
}
