//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

extension ZKTestServer {
    /// How a server behaves.
    public struct Configuration: Sendable {
        /// The address to listen at.
        public var host: String
        /// The TCP port to listen at; 0 takes a free one.
        public var port: Int
        /// The server's unit of time. Sessions end at whole ticks, up to one later than they might.
        public var tickTime: Duration
        /// The shortest session that a client gets, whatever it asks for.
        public var minSessionTimeout: Duration
        /// The longest session that a client gets, whatever it asks for.
        public var maxSessionTimeout: Duration
        /// How often containers that have become empty are looked for.
        public var containerCheckInterval: Duration
        /// Whether nodes may be made with a time to live. ZooKeeper refuses them unless it is started with `extendedTypesEnabled`.
        public var allowsTimeToLive: Bool

        /// Makes a configuration; without arguments a server on any free port of the loopback interface, with short ticks.
        ///
        /// Without a `minSessionTimeout` it is two ticks, as in ZooKeeper.
        public init(
            host: String = "127.0.0.1",
            port: Int = 0,
            tickTime: Duration = .milliseconds(200),
            minSessionTimeout: Duration? = nil,
            maxSessionTimeout: Duration = .seconds(60),
            containerCheckInterval: Duration = .seconds(60),
            allowsTimeToLive: Bool = false
        ) {
            self.host = host
            self.port = port
            self.tickTime = tickTime
            self.minSessionTimeout = minSessionTimeout ?? tickTime * 2
            self.maxSessionTimeout = maxSessionTimeout
            self.containerCheckInterval = containerCheckInterval
            self.allowsTimeToLive = allowsTimeToLive
        }

        var rules: ServerStateMachine.Rules {
            let shortest = max(1, self.minSessionTimeout.milliseconds)
            return .init(
                tickTime: max(1, self.tickTime.milliseconds),
                sessionTimeouts: shortest...max(shortest, self.maxSessionTimeout.milliseconds),
                allowsTimeToLive: self.allowsTimeToLive
            )
        }
    }
}

extension Duration {
    fileprivate var milliseconds: Int64 { TimeAmount(self).nanoseconds / 1_000_000 }
}
