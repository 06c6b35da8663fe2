//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOSSL

/// Why a TLS handshake came to nothing, in words for operators.
enum HandshakeFault {
    /// A sentence about the error of a handshake, with the certificate that the client showed, if it showed one.
    static func sentence(_ error: any Error, certificate: NIOSSLCertificate?, now: Date = Date()) -> String {
        guard case .handshakeFailed(let inner)? = error as? NIOSSLError else { return self.other(error) }
        guard case .sslError(let stack) = inner else { return "it failed (\(inner))" }
        let texts = stack.map(\.description)
        if texts.contains(where: { $0.contains("EOF during") }) { return Self.wentAway }
        let reasons = texts.map(self.reason)
        if reasons.contains("CERTIFICATE_VERIFY_FAILED") { return self.refusal(of: certificate, now: now) }
        for reason in reasons {
            if let alert = self.alert(reason) { return "the client sent the alert '\(alert)'" }
            if let known = Self.sentences[reason] { return known }
        }
        return "it failed (\(reasons.joined(separator: ", ")))"
    }

    static let wentAway = "the client went away in it; does it speak TLS?"
    static let tookTooLong = "the client took too long; does it speak TLS?"

    private static let sentences = [
        "PEER_DID_NOT_RETURN_A_CERTIFICATE": "the client showed no certificate (alert 'certificate required')",
        "HTTP_REQUEST": "the client speaks HTTP and not TLS",
        "HTTPS_PROXY_REQUEST": "the client speaks HTTP and not TLS",
        "WRONG_VERSION_NUMBER": "the client does not speak TLS",
        "UNSUPPORTED_PROTOCOL": "the client speaks only TLS before 1.2 (alert 'protocol version')",
        "NO_SHARED_CIPHER": "client and server have no cipher in common (alert 'handshake failure')",
        "UNKNOWN_PROTOCOL": "the client does not speak TLS",
    ]

    /// The name that BoringSSL gives an error: `error:1000007d:SSL routines:OPENSSL_internal:NAME at FILE:LINE`.
    private static func reason(_ text: String) -> String {
        let text = text.range(of: " at ").map { String(text[..<$0.lowerBound]) } ?? text
        return text.split(separator: ":").last.map(String.init) ?? text
    }

    /// The alert that an error says we got: `TLSV1_ALERT_UNKNOWN_CA` is "unknown ca".
    private static func alert(_ reason: String) -> String? {
        guard let range = reason.range(of: "_ALERT_") else { return nil }
        return reason[range.upperBound...].lowercased().replacing("_", with: " ")
    }

    private static func refusal(of certificate: NIOSSLCertificate?, now: Date) -> String {
        guard let certificate else { return "the client's certificate was refused" }
        let words = "\(certificate)".drop { $0 != ";" }.dropFirst().prefix { $0 != ">" }
        let name = "the client's certificate (\(words.replacing(";", with: ", ")))"
        let seconds = Int(now.timeIntervalSince1970)
        if Int(certificate.notValidAfter) < seconds {
            return "\(name) expired on \(self.date(certificate.notValidAfter)) (alert 'certificate expired')"
        }
        if Int(certificate.notValidBefore) > seconds {
            return "\(name) is valid from \(self.date(certificate.notValidBefore)) on"
        }
        return "\(name) is not among those that are trusted, nor signed by one of them (alert 'unknown ca')"
    }

    private static func date(_ time: time_t) -> String {
        Date(timeIntervalSince1970: TimeInterval(time)).formatted(.iso8601)
    }

    private static func other(_ error: any Error) -> String {
        if let error = error as? IOError, error.errnoCode == ECONNRESET { return Self.wentAway }
        return "it failed (\(error))"
    }
}
