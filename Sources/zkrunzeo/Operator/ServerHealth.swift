//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import ZEOProtocol
import ZKZEOAsync

/// How a ZEO server says that its storages are: its answer to `ruok`.
struct ServerHealth: Sendable {
    /// A storage's numbers by name.
    typealias Numbers = [String: JSONValue]

    var storages: [String: Numbers]

    /// The storages in the order of their names.
    var sorted: [(name: String, numbers: Numbers)] {
        self.storages.sorted { $0.key.unicodeScalars.lexicographicallyPrecedes($1.key.unicodeScalars) }
            .map { ($0.key, $0.value) }
    }

    /// Asks Python's server or ours. Throws a `PeerFailure`.
    static func ask(_ address: PeerAddress, within patience: Duration = .seconds(10)) async throws -> ServerHealth {
        var question = ByteBuffer()
        SizedFrame.write("ruok".utf8, into: &question)
        return try await PeerQuestion.ask(address, question, within: patience) { received, _ in
            var received = received
            // The greeting comes first.
            guard let greeting = received.readInteger(as: UInt32.self),
                received.readSlice(length: Int(greeting)) != nil,
                let length = received.readInteger(as: UInt32.self), let body = received.readBytes(length: Int(length))
            else { return nil }
            do {
                return ServerHealth(storages: try JSONDecoder().decode([String: Numbers].self, from: Data(body)))
            } catch {
                throw PeerFailure(description: "the answer to 'ruok' is not one of a ZEO server")
            }
        }
    }
}
