//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOSSL
import ZODBStorage

/// Speaks TLS with servers.
struct ClientTLS {
    private let context: NIOSSLContext
    private let serverHostname: String?

    /// Throws `StorageError` (`invalidArgument`) with a sentence about what is wrong with the options.
    init(_ options: ClientOptions.TLS) throws(StorageError) {
        self.context = try ClientTLSContext.make(options)
        self.serverHostname = options.serverHostname
    }

    /// What encrypts the connection to a server.
    func handler(for address: ServerAddress) throws -> NIOSSLClientHandler {
        var name = self.serverHostname
        // A number is not told to the server, and the certificate must name the address of the connection.
        if name == nil, case .internet(let address) = address, !address.isNumeric { name = address.host }
        return try NIOSSLClientHandler(context: self.context, serverHostname: name)
    }
}
