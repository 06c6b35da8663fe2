//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

extension SocketAddress {
    /// The address as people write it: `127.0.0.1:8100`, `[::1]:8100`, or a path.
    var readable: String {
        switch self {
        case .v4: "\(self.ipAddress ?? ""):\(self.port ?? 0)"
        case .v6: "[\(self.ipAddress ?? "")]:\(self.port ?? 0)"
        case .unixDomainSocket: self.pathname.flatMap { $0.isEmpty ? nil : $0 } ?? "unix socket"
        }
    }
}
