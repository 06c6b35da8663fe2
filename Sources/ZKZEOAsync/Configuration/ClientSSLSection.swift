//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import ZConfig
import ZODBStorage

/// `<ssl>` in `<clientstorage>` and `<zkzeoclient>`: how to speak TLS. The keys are those of ZEO, but for what is a
/// function there.
enum ClientSSLSection {
    private static let keys = [
        "certificate", "key", "authenticate", "check-hostname", "server-hostname", "password-file",
        "password-environment",
    ]

    /// What the section says, with its files read and found to be right.
    static func read(
        _ section: ConfigurationSection,
        environment: [String: String]
    ) throws(ConfigurationError) -> ClientOptions.TLS {
        guard !section.keys.contains(where: { $0.name.lowercased() == "password-function" }) else {
            throw ConfigurationError(
                at: section.position(of: "password-function"),
                "'password-function' names a Python function, which cannot run here; name a file with the pass-phrase in "
                    + "'password-file', or a variable of the environment in 'password-environment'"
            )
        }
        try section.rejectUnknown(keys: Self.keys)
        let certificate = try section.value("certificate", as: .existingFile(.system))
        let key = try section.optional("key", as: .existingFile(.system))
        var tls = ClientOptions.TLS(
            certificateChain: .file(path: certificate),
            privateKey: key.map { .file(path: $0) },
            passphrase: try self.passphrase(section, environment),
            servers: try section.optional("authenticate", as: .tlsServers) ?? .signedBySystemAuthorities
        )
        tls.checksHostname = try section.optional("check-hostname", as: .boolean) ?? true
        tls.serverHostname = try section.optional("server-hostname", as: .nonEmptyString)
        do {
            try tls.check()
        } catch {
            throw ConfigurationError(at: section.position, "<ssl>: \(error)")
        }
        return tls
    }

    private static func passphrase(
        _ section: ConfigurationSection,
        _ environment: [String: String]
    ) throws(ConfigurationError) -> String? {
        let file = try section.optional("password-file", as: .existingFile(.system))
        let variable = try section.optional("password-environment", as: .nonEmptyString)
        switch (file, variable) {
        case (nil, nil): return nil
        case (let file?, nil):
            guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
                throw ConfigurationError(at: section.position(of: "password-file"), "the file \(file) cannot be read")
            }
            return text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).first.map(String.init)
                ?? ""
        case (nil, let variable?):
            guard let value = environment[variable] else {
                throw ConfigurationError(
                    at: section.position(of: "password-environment"),
                    "the environment has no variable '\(variable)'"
                )
            }
            return value
        case (_?, _?):
            throw ConfigurationError(
                at: section.position(of: "password-environment"),
                "'password-file' and 'password-environment' exclude each other; remove one of them"
            )
        }
    }
}

extension Datatype where Value == ClientOptions.TLS.Servers {
    /// Which servers are believed: a file or a directory of certificates.
    static var tlsServers: Datatype<Value> {
        let existing = Datatype<String>.existingPath(.system)
        return Datatype("a file or a directory of certificates") { text throws(Fault) in
            let path: String
            do throws(Datatype<String>.Fault) {
                path = try existing.value(of: text)
            } catch {
                throw Fault("there is no such file")
            }
            return FileQuestions.system.isDirectory(path) ? .trustedDirectory(path: path) : .trusted(.file(path: path))
        }
    }
}
