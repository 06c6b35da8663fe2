//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Where a server can be reached: `HOST:PORT`, and `[HOST]:PORT` for IPv6. The names of registered nodes are of this form.
public struct ServiceAddress: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// A name or an address, without brackets.
    public var host: String
    /// A TCP port.
    public var port: Int

    /// Makes an address.
    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads an address; nil if the text is none. An IPv6 address must stand in brackets, or its end would be a port.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...].utf8
        guard (1...5).contains(digits.count),
            digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let port = Int(text[text.index(after: colon)...]), (1...65535).contains(port)
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("[") && host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { return nil }
        } else if host.contains(where: { ":[]/".contains($0) }) {
            return nil
        }
        guard !host.isEmpty else { return nil }
        self.init(host: String(host), port: port)
    }

    /// Whether only this machine can reach it.
    public var isLoopback: Bool {
        let host = self.host.lowercased()
        // An address can be spelled in many ways, of which the system writes one.
        if let address = try? SocketAddress(ipAddress: String(host.prefix { $0 != "%" }), port: 0).ipAddress {
            return address == "::1" || address.hasPrefix("127.") || address.hasPrefix("::ffff:127.")
        }
        let labels = host.split(separator: ".")
        return labels.first.map { Self.loopbackNames.contains($0) } ?? false || labels.last == "localhost"
    }

    /// Whether the host is an address and not a name.
    var isNumeric: Bool {
        (try? SocketAddress(ipAddress: String(self.host.prefix { $0 != "%" }), port: 0)) != nil
    }

    /// What distributions call the loopback, alone or in front of a domain.
    private static let loopbackNames: Set<Substring> = [
        "localhost", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback",
    ]

    public var description: String {
        self.host.contains(":") ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
    }

    public static func < (left: ServiceAddress, right: ServiceAddress) -> Bool {
        (left.host, left.port) < (right.host, right.port)
    }
}
