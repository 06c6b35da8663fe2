//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import ZODBStorage

extension ClientOptions {
    /// How a client speaks TLS, 1.2 or later.
    public struct TLS: Hashable, Sendable {
        /// Certificates or a key in the PEM format.
        public enum PEM: Hashable, Sendable {
            /// What a file holds. It is read when the client begins.
            case file(path: String)
            /// The text itself.
            case text(String)
        }

        /// Which certificates servers may have.
        public enum Servers: Hashable, Sendable {
            /// These, where they are self-signed, and those that these signed.
            case trusted(PEM)
            /// As `trusted`, for all certificates in the files of a directory. They are read when the client begins.
            case trustedDirectory(path: String)
            /// Those that were signed by an authority that this machine's system trusts.
            case signedBySystemAuthorities
        }

        /// The client's certificate, and then those that lead from it to an authority, if there are any; `nil` for
        /// servers that want none.
        public var certificateChain: PEM?

        /// The key of the client's certificate; `nil` when it lies with the certificate.
        public var privateKey: PEM?

        /// What the key is encrypted with; `nil` for a key that lies open.
        public var passphrase: String?

        /// Which servers are believed.
        public var servers: Servers

        /// Whether the server's certificate must be for the host that the client connects to.
        public var checksHostname = true

        /// The name that the server's certificate must be for, in place of the host that the client connects to. Needed at
        /// unix sockets, unless names are not checked. A name, no number; a certificate that names the address of the
        /// connection by its number is believed, too.
        public var serverHostname: String?

        /// TLS with servers of which it is known whom to believe.
        public init(
            certificateChain: PEM? = nil,
            privateKey: PEM? = nil,
            passphrase: String? = nil,
            servers: Servers
        ) {
            self.certificateChain = certificateChain
            self.privateKey = privateKey
            self.passphrase = passphrase
            self.servers = servers
        }

        /// Reads certificates and key, and sees whether they can be used and belong together. A client does so too when it
        /// begins; this tells earlier.
        ///
        /// Throws `StorageError` (`invalidArgument`) with a sentence about what is wrong.
        public func check() throws(StorageError) {
            _ = try ClientTLSContext.make(self)
        }
    }
}
