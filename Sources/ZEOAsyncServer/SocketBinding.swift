//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A listening socket at an address of a configuration.
enum SocketBinding {
    /// Binds a bootstrap. Throws `ZEOServerError.cannotListen`, with what the system said.
    static func bind(
        _ bootstrap: ServerBootstrap,
        to address: ZEOServerConfiguration.Address,
        on group: any EventLoopGroup
    ) async throws -> any Channel {
        switch address {
        case .unixDomainSocket(let path):
            // What nobody listens at was left behind and may be replaced; a live server's socket may not.
            if let other = try? await ClientBootstrap(group: group).connect(unixDomainSocketPath: path).get() {
                try? await other.close().get()
                throw ZEOServerError(.cannotListen, "The server cannot listen at \(path): another one does.")
            }
            return try await Self.explain("cannot listen at \(path)") {
                try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
            }
        case .hostname(let host, let port):
            let bootstrap = bootstrap.serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            return try await Self.explain("cannot listen at \(host):\(port)") {
                guard host.isEmpty else { return try await bootstrap.bind(host: host, port: port).get() }
                // Every interface: the socket for IPv6 takes IPv4 too, where there is IPv6 at all.
                do {
                    return try await bootstrap.bind(host: "::", port: port).get()
                } catch let error as IOError where error.errnoCode == EADDRINUSE || error.errnoCode == EACCES {
                    throw error
                } catch {
                    return try await bootstrap.bind(host: "0.0.0.0", port: port).get()
                }
            }
        }
    }

    /// Removes what a closed listener leaves in the file system.
    static func cleanUp(_ address: ZEOServerConfiguration.Address) {
        if case .unixDomainSocket(let path) = address { _ = unsafe unlink(path) }
    }

    private static func explain<Result>(_ what: String, _ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch {
            throw ZEOServerError(.cannotListen, "The server \(what).", underlyingError: error)
        }
    }
}
