//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// The questions that a server answers without a session. The connection closes after the answer.
enum FourLetterWord: String, CaseIterable {
    case ruok, srvr, stat, envi, mntr, conf, cons, isro

    /// The word whose letters are the bytes of what would otherwise be the length of a frame.
    init?(length: Int32) {
        let letters = (0..<4).map { UInt8(truncatingIfNeeded: length >> Int32(24 - 8 * $0)) }
        self.init(rawValue: String(decoding: letters, as: UTF8.self))
    }

    /// The version that this server says it is: clients choose by it what they may ask.
    static let version = "3.8.0-zkzeo-test-server, built on 2022-02-25 08:49 UTC"

    /// What the answers are made of.
    struct Facts {
        struct Client {
            var address: String
            var session: Int64?
            var received: Int
            var sent: Int
        }

        var port: Int
        var tickTime: Int64
        var sessionTimeouts: ClosedRange<Int64>
        var clients: [Client]
        var received: Int
        var sent: Int
        var zxid: Int64
        var nodes: Int
        var ephemerals: Int
        var watches: Int
        var dataSize: Int
        var sessions: Int
    }

    func answer(_ facts: Facts) -> String {
        switch self {
        case .ruok: return "imok"
        case .isro: return "rw"
        case .srvr: return "Zookeeper version: \(Self.version)\n" + Self.summary(facts)
        case .stat:
            return "Zookeeper version: \(Self.version)\nClients:\n" + Self.clients(facts) + "\n" + Self.summary(facts)
        case .cons: return Self.clients(facts) + "\n"
        case .envi:
            return "Environment:\nzookeeper.version=\(Self.version)\nhost.name=localhost\n"
        case .conf:
            return """
                clientPort=\(facts.port)
                tickTime=\(facts.tickTime)
                maxClientCnxns=0
                minSessionTimeout=\(facts.sessionTimeouts.lowerBound)
                maxSessionTimeout=\(facts.sessionTimeouts.upperBound)
                serverId=0

                """
        case .mntr:
            let values: [(String, String)] = [
                ("zk_version", Self.version),
                ("zk_server_state", "standalone"),
                ("zk_packets_received", "\(facts.received)"),
                ("zk_packets_sent", "\(facts.sent)"),
                ("zk_num_alive_connections", "\(facts.clients.count)"),
                ("zk_outstanding_requests", "0"),
                ("zk_znode_count", "\(facts.nodes)"),
                ("zk_watch_count", "\(facts.watches)"),
                ("zk_ephemerals_count", "\(facts.ephemerals)"),
                ("zk_approximate_data_size", "\(facts.dataSize)"),
                ("zk_global_sessions", "\(facts.sessions)"),
            ]
            return values.map { "\($0.0)\t\($0.1)\n" }.joined()
        }
    }

    private static func summary(_ facts: Facts) -> String {
        """
        Latency min/avg/max: 0/0.0/0
        Received: \(facts.received)
        Sent: \(facts.sent)
        Connections: \(facts.clients.count)
        Outstanding: 0
        Zxid: 0x\(String(facts.zxid, radix: 16))
        Mode: standalone
        Node count: \(facts.nodes)

        """
    }

    private static func clients(_ facts: Facts) -> String {
        facts.clients.map { client in
            let session = client.session.map { ",sid=0x\(String(UInt64(bitPattern: $0), radix: 16))" } ?? ""
            let isOpen = client.session == nil ? 0 : 1
            return " /\(client.address)[\(isOpen)](queued=0,recved=\(client.received),sent=\(client.sent)\(session))\n"
        }.joined()
    }
}
