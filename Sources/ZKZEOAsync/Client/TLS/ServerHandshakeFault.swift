//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOSSL
import ZODBStorage

/// Why TLS with a server came to nothing, in words for operators.
enum ServerHandshakeFault {
    /// An error with such a sentence; `nil` for errors that TLS has nothing to do with.
    static func error(_ error: any Error, _ address: ServerAddress) -> StorageError? {
        guard let sentence = self.sentence(error) else { return nil }
        return StorageError(.disconnected, "TLS with \(address): \(sentence)", underlyingError: error)
    }

    /// The sentence. In TLS 1.3 the server's refusal of a certificate arrives when the client has finished already, so
    /// that not only handshakes fail this way.
    static func sentence(_ error: any Error) -> String? {
        switch error {
        case let error as NIOSSLExtraError:
            if error == .failedToValidateHostname {
                return "the server's certificate is for another host: \(error.description)"
            }
            return "it failed (\(error))"
        case NIOSSLError.handshakeFailed(let inner): return self.sentence(inner)
        case NIOSSLError.uncleanShutdown: return "the server went away without a word; does it know our certificate?"
        case let error as NIOSSLError: return "it failed (\(error))"
        case let error as BoringSSLError: return self.sentence(error)
        default: return nil
        }
    }

    private static func sentence(_ error: BoringSSLError) -> String {
        guard case .sslError(let stack) = error else { return "it failed (\(error))" }
        let texts = stack.map(\.description)
        if texts.contains(where: { $0.contains("EOF during") }) {
            return "the server went away in the handshake; does it speak TLS?"
        }
        let reasons = texts.map(self.reason)
        if reasons.contains("CERTIFICATE_VERIFY_FAILED") {
            return "the server's certificate is not among those that are trusted, nor signed by one of them, or is not "
                + "valid now"
        }
        for reason in reasons {
            if let alert = self.alert(reason) { return "the server sent the alert '\(alert)'" }
            if let known = Self.sentences[reason] { return known }
        }
        return "it failed (\(reasons.joined(separator: ", ")))"
    }

    private static let sentences = [
        "WRONG_VERSION_NUMBER": "the server does not speak TLS",
        "UNKNOWN_PROTOCOL": "the server does not speak TLS",
        "UNSUPPORTED_PROTOCOL": "the server speaks only TLS before 1.2",
        "NO_SHARED_CIPHER": "client and server have no cipher in common",
    ]

    /// The name that BoringSSL gives an error: `error:1000007d:SSL routines:OPENSSL_internal:NAME at FILE:LINE`.
    private static func reason(_ text: String) -> String {
        let text = text.firstRange(of: " at ").map { String(text[..<$0.lowerBound]) } ?? text
        return text.split(separator: ":").last.map(String.init) ?? text
    }

    /// The alert that an error says we got: `TLSV1_ALERT_UNKNOWN_CA` is "unknown ca".
    private static func alert(_ reason: String) -> String? {
        guard let range = reason.firstRange(of: "_ALERT_") else { return nil }
        return reason[range.upperBound...].lowercased().replacing("_", with: " ")
    }
}
