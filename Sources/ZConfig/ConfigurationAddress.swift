//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// An address that a server listens at or a client connects to.
public enum ConfigurationAddress: Hashable, Sendable, CustomStringConvertible {
    /// A host and a port. An empty host means all of this machine's addresses; without a port, or with port 0, the
    /// system chooses one.
    case internet(host: String, port: Int?)
    /// The path of a unix socket.
    case unix(path: String)

    /// The address as it can be written into a configuration.
    public var description: String {
        switch self {
        case .unix(let path): path
        case .internet(let host, let port):
            (host.contains(":") ? "[\(host)]" : host) + (port.map { ":\($0)" } ?? "")
        }
    }
}

extension Datatype where Value == ConfigurationAddress {
    /// `PORT`, `HOST`, `HOST:PORT`, `[::1]:PORT`, perhaps with a space behind the colon. An empty host stays empty.
    public static var inetAddress: Datatype<ConfigurationAddress> { Self.internet(defaultHost: "") }

    /// As ``inetAddress``: where a server listens.
    public static var inetBindingAddress: Datatype<ConfigurationAddress> { Self.internet(defaultHost: "") }

    /// As ``inetAddress``, but an empty host is 127.0.0.1: where a client connects to.
    public static var inetConnectionAddress: Datatype<ConfigurationAddress> { Self.internet(defaultHost: "127.0.0.1") }

    /// As ``inetAddress``, or a path with a slash in it for a unix socket.
    public static var socketAddress: Datatype<ConfigurationAddress> { Self.socket(defaultHost: "") }

    /// As ``socketAddress``: where a server listens.
    public static var socketBindingAddress: Datatype<ConfigurationAddress> { Self.socket(defaultHost: "") }

    /// As ``socketAddress``, but an empty host is 127.0.0.1: where a client connects to.
    public static var socketConnectionAddress: Datatype<ConfigurationAddress> { Self.socket(defaultHost: "127.0.0.1") }

    private static func socket(defaultHost: String) -> Datatype<ConfigurationAddress> {
        let internet = Self.internet(defaultHost: defaultHost)
        return Datatype("PORT, HOST:PORT, [IPV6]:PORT or a path with a slash") { text throws(Fault) in
            text.contains("/") ? .unix(path: text) : try internet.value(of: text)
        }
    }

    private static func internet(defaultHost: String) -> Datatype<ConfigurationAddress> {
        Datatype("PORT, HOST:PORT or [IPV6]:PORT") { text throws(Fault) in
            var (host, port) = try Self.split(text)
            host = host.lowercased()
            guard host.allSatisfy({ !$0.isWhitespace }) else { throw Fault("a host has no white space") }
            return .internet(host: host.isEmpty ? defaultHost : host, port: port)
        }
    }

    private static func split(_ text: String) throws(Fault) -> (host: String, port: Int?) {
        guard let colon = text.lastIndex(of: ":") else {
            let digits = text.drop(while: \.isWhitespace)
            guard !digits.isEmpty else { throw Fault("it is empty") }
            guard digits.allSatisfy(\.isNumber) else { return (String(digits), nil) }
            return ("", try self.port(text[...]))
        }
        let host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            return (String(host.dropFirst().dropLast()), try self.port(text[colon...].dropFirst()))
        }
        if host.contains(":") || text.hasPrefix("[") {
            // An IPv6 address alone: its last part is no port.
            let bare = text.hasPrefix("[") && text.hasSuffix("]") ? String(text.dropFirst().dropLast()) : text
            guard !bare.contains("[") else { throw Fault("a '[' without its ']'") }
            return (bare, nil)
        }
        return (String(host), try self.port(text[colon...].dropFirst()))
    }

    private static func port(_ text: Substring) throws(Fault) -> Int? {
        if text.isEmpty { return nil }
        guard let port = Number.integer(text), (0...65535).contains(port) else {
            throw Fault("'\(text)' is no port from 0 to 65535")
        }
        return port
    }
}
