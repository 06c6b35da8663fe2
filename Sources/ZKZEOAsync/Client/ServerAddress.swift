//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Where a client finds a server: at an address of the network, or at a unix socket of this machine.
public enum ServerAddress: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// A host and a port.
    case internet(ServiceAddress)
    /// The path of a unix socket.
    case unix(path: String)

    /// `HOST:PORT`, or the path.
    public var description: String {
        switch self {
        case .internet(let address): address.description
        case .unix(let path): path
        }
    }
}
