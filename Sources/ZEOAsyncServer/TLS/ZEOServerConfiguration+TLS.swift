//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

extension ZEOServerConfiguration {
    /// How a server speaks TLS. Versions before 1.2 are refused, and so are clients without a certificate.
    public struct TLS: Hashable, Sendable {
        /// Certificates or a key in the PEM format.
        public enum PEM: Hashable, Sendable {
            /// What a file holds. It is read when the server starts, and for `ZEOServer.renewTLS(_:)`.
            case file(path: String)
            /// The text itself.
            case text(String)
        }

        /// Which certificates clients may have.
        public enum Clients: Hashable, Sendable {
            /// These, where they are self-signed, and those that these signed.
            case trusted(PEM)
            /// As `trusted`, for all certificates in the files of a directory, read when a file would be.
            case trustedDirectory(path: String)
            /// Those that were signed by an authority that this machine's system trusts.
            case signedBySystemAuthorities
        }

        /// The server's certificate, and then those that lead from it to an authority, if there are any.
        public var certificateChain: PEM

        /// The key of the server's certificate; `nil` when it lies with the certificate.
        public var privateKey: PEM?

        /// What the key is encrypted with; `nil` for a key that lies open.
        public var passphrase: String?

        /// Which clients are let in.
        public var clients: Clients

        /// How long a client may take to agree on keys before it is cut off.
        public var handshakeTimeout: Duration = .seconds(60)

        /// TLS with a certificate for clients of which it is known whom to trust.
        public init(
            certificateChain: PEM,
            privateKey: PEM? = nil,
            passphrase: String? = nil,
            clients: Clients
        ) {
            self.certificateChain = certificateChain
            self.privateKey = privateKey
            self.passphrase = passphrase
            self.clients = clients
        }

        /// Reads certificates and key, and sees whether they can be used and belong together. A server does so too when
        /// it starts; this tells earlier.
        ///
        /// Throws a `ZEOServerError` of code `cannotUseTLS` with a sentence about what is wrong.
        public func check() throws(ZEOServerError) {
            _ = try TLSContext.make(self)
        }
    }
}
