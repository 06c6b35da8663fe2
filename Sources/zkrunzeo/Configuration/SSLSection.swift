//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import ZConfig
import ZEOAsyncServer
import ZKZEOAsync
import ZODBStorage

/// `<ssl>` in `<zeo>`: how to speak TLS. The keys are those of Python's runzeo, but for what is a function there.
enum SSLSection {
    private static let keys = ["certificate", "key", "authenticate", "password-file", "password-environment"]

    /// Keys that Python has, and what to do in their place.
    private static let refused = [
        "password-function": "names a Python function, which cannot run here; name a file with the pass-phrase in "
            + "'password-file', or a variable of the environment in 'password-environment'",
        "check-hostname": "is for the <ssl> of clients; remove it from the server's",
        "server-hostname": "is for the <ssl> of clients; remove it from the server's",
    ]

    /// What the section says, with its files read and found to be right.
    static func read(
        _ section: ConfigurationSection,
        environment: [String: String]
    ) throws(ConfigurationError) -> ZEOServerConfiguration.TLS {
        for key in section.keys {
            guard let reason = Self.refused[key.name.lowercased()] else { continue }
            throw ConfigurationError(at: key.position, "'\(key.name)' \(reason)")
        }
        try section.rejectUnknown(keys: Self.keys)
        let certificate = try section.value("certificate", as: .existingFile(.system))
        let key = try section.optional("key", as: .existingFile(.system))
        let tls = ZEOServerConfiguration.TLS(
            certificateChain: .file(path: certificate),
            privateKey: key.map { .file(path: $0) },
            passphrase: try section.passphrase(environment),
            clients: try section.value("authenticate", as: .tlsClients)
        )
        do {
            try tls.check()
        } catch {
            throw ConfigurationError(at: section.position, "<ssl>: \(error)")
        }
        return tls
    }
}

extension Datatype where Value == ZEOServerConfiguration.TLS.Clients {
    /// Which clients are let in: a file or a directory of certificates, or `SIGNED`.
    static var tlsClients: Datatype<Value> {
        let existing = Datatype<String>.existingPath(.system)
        return Datatype("a file or a directory of certificates, or SIGNED") { text throws(Fault) in
            switch text {
            case "SIGNED", "-": return .signedBySystemAuthorities
            case "DYNAMIC":
                throw Fault("it would let nobody in, and does not with Python's server; name the clients' certificates")
            default: break
            }
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
