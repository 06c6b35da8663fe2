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
            passphrase: try section.passphrase(environment),
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
