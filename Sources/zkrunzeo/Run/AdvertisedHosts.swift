//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOPosix

/// Which host names a server registers that listens at a given host.
enum AdvertisedHosts {
    /// An address of a network interface of this machine.
    struct InterfaceAddress: Hashable {
        var host: String
        var isLoopback: Bool
        var isIPv4: Bool
    }

    /// The names for a server that listens at `host`.
    ///
    /// A host that means every interface ("", `0.0.0.0`, `::`) stands for every IPv4 address of the machine but the
    /// loopback; where there is none, for the machine's full name; on a machine that has only the loopback, for that.
    /// This is what zc.zk does. Any other host is registered as it was written.
    static func names(
        listeningAt host: String,
        interfaces: [InterfaceAddress],
        fullHostName: () -> String
    ) -> [String] {
        guard Self.isEveryInterface(host) else { return [host] }
        let outward = interfaces.filter { !$0.isLoopback }
        let ipv4 = outward.filter(\.isIPv4).map(\.host)
        if !ipv4.isEmpty { return Array(Set(ipv4)).sorted() }
        return [outward.isEmpty ? "127.0.0.1" : fullHostName()]
    }

    /// Whether a server at this host listens at every address of its machine.
    static func isEveryInterface(_ host: String) -> Bool { ["", "0.0.0.0", "::"].contains(host) }

    /// The addresses of this machine's interfaces.
    static func interfaces() throws -> [InterfaceAddress] {
        try System.enumerateDevices().compactMap { device in
            guard let address = device.address, let host = address.ipAddress else { return nil }
            let isIPv4 = address.protocol == .inet
            return InterfaceAddress(
                host: host,
                isLoopback: isIPv4 ? host.hasPrefix("127.") : host == "::1",
                isIPv4: isIPv4
            )
        }
    }

    /// This machine's name with its domain, as the resolver knows it.
    static func fullHostName() -> String {
        let name = ProcessInfo.processInfo.hostName
        return name.isEmpty ? "localhost" : name
    }
}
