//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Where ZooKeeper is: `HOST[:PORT][,HOST[:PORT]…][/CHROOT]`. An IPv6 host stands in brackets; the port defaults to 2181.
public struct ConnectionString: Hashable, Sendable, CustomStringConvertible {
    /// One server.
    public struct Server: Hashable, Sendable {
        /// A name or an address, without brackets.
        public var host: String
        /// A TCP port.
        public var port: Int
    }

    /// The servers, any of which will do.
    public private(set) var servers: [Server]
    /// The path that all others are below; empty for the whole tree.
    public private(set) var chroot: String

    /// Reads a connection string. Throws ``ZooKeeperError`` (`badArguments`) with a sentence that says what is wrong.
    public init(_ text: String) throws(ZooKeeperError) {
        func wrong(_ sentence: String) -> ZooKeeperError {
            ZooKeeperError(.badArguments, message: "connection string \"\(text)\": \(sentence)")
        }
        let slash = text.firstIndex(of: "/") ?? text.endIndex
        var chroot = String(text[slash...])
        if chroot == "/" { chroot = "" }
        if chroot.contains("//") || chroot.hasSuffix("/") || chroot.utf8.contains(0) {
            throw wrong("\"\(chroot)\" is no path")
        }
        var servers: [Server] = []
        for part in text[..<slash].split(separator: ",", omittingEmptySubsequences: false) {
            let part = String(part.drop(while: \.isWhitespace).trimmingEnd(while: \.isWhitespace))
            guard !part.isEmpty else { throw wrong("a host is missing") }
            guard !part.utf8.contains(0), !part.contains(where: \.isWhitespace) else {
                throw wrong("\"\(part)\" is no host")
            }
            if let address = ServiceAddress(part) {
                servers.append(Server(host: address.host, port: address.port))
            } else if let address = ServiceAddress(part + ":2181") {
                servers.append(Server(host: address.host, port: address.port))
            } else {
                throw wrong("\"\(part)\" is not HOST or HOST:PORT")
            }
        }
        self.servers = servers
        self.chroot = chroot
    }

    /// The form that people write.
    public var description: String {
        self.servers.map { ServiceAddress(host: $0.host, port: $0.port).description }.joined(separator: ",")
            + self.chroot
    }

    /// The form that libzookeeper reads: the port is what stands behind the last colon, and brackets are foreign to it.
    var forLibrary: String {
        self.servers.map { "\($0.host):\($0.port)" }.joined(separator: ",") + self.chroot
    }
}

extension Substring {
    fileprivate func trimmingEnd(while predicate: (Character) -> Bool) -> Substring {
        var rest = self
        while let last = rest.last, predicate(last) { rest.removeLast() }
        return rest
    }
}
