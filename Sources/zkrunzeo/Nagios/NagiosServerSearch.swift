//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZKZEOAsync

/// Finds the one server to look at among those that are registered at a path.
struct NagiosServerSearch {
    let zooKeeper: String
    let path: String
    /// The address of the server's own monitor, which knows under which name it is registered.
    let monitor: String?

    /// The address of the server, or what to tell Nagios.
    enum Finding {
        case server(String)
        case report(NagiosReport)
    }

    func find() async throws -> Finding {
        var wanted: String?
        if let monitor {
            let quoted = PythonText.repr(monitor)
            let answer: String
            do {
                answer = try await self.ask(PeerAddress(monitor))
            } catch {
                return .report(.critical("Can't connect \(error)"))
            }
            if answer.lowercased().hasPrefix("invalid ") { return .report(.critical("\(answer) at \(quoted)")) }
            let servers = Set(answer.split(whereSeparator: \.isWhitespace).map(String.init)).sorted()
            guard let first = servers.first else { return .report(.critical("No servers at: \(quoted)")) }
            guard servers.count == 1 else {
                return .report(.critical("Too many servers, \(PythonText.repr(servers)), at: \(quoted)"))
            }
            wanted = first
        }
        let names = try await self.registered().filter { name in
            guard let wanted else { return true }
            // A server at every interface is registered under the machine's addresses.
            return wanted.hasPrefix(":") ? name.hasSuffix(wanted) : name == wanted
        }
        guard names.count == 1 else { return .report(.critical("Couldn't find server in ZooKeeper")) }
        return .server(names[0])
    }

    private func ask(_ address: PeerAddress) async throws -> String {
        try await PeerQuestion.ask(address, ByteBuffer(string: "servers \(self.path)\n")) { received, hasEnded in
            hasEnded ? String(buffer: received).trimmingSpaces : nil
        }
    }

    private func registered() async throws -> [String] {
        let path = self.path
        return try await CommandSession.with(self.zooKeeper) { session in
            do {
                return try await session.children(try await Links.resolve(path, in: session)).names
            } catch let error as ZooKeeperError where error.code == .noNode {
                return []
            }
        }
    }
}

extension String {
    /// Without white space at its ends.
    fileprivate var trimmingSpaces: String {
        let text = self.drop(while: \.isWhitespace)
        return String(text.reversed().drop(while: \.isWhitespace).reversed())
    }
}
