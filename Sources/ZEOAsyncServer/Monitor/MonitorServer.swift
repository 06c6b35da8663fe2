//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import ServiceLifecycle

/// A server that operators and their scripts ask by one line of text: zc.monitor's protocol.
///
/// ```swift
/// let monitor = MonitorServer(
///     address: .hostname("127.0.0.1", port: 8101),
///     commands: server.monitorCommands
/// )
/// ```
///
/// Run it in a `ServiceGroup` beside the server. `echo status | nc 127.0.0.1 8101` asks it. Whoever reaches it may ask:
/// it shows who is connected, and changes nothing.
public struct MonitorServer: Service {
    /// How many clients are served at a time; others are turned away.
    public static let maximumConnections = 64
    /// How long a client may be silent, or take nothing of an answer.
    var patience = TimeAmount.seconds(300)

    private let listener: SideListener
    private let commands: [String: MonitorCommand]

    /// A monitor with these commands, beside `help`, `interactive` and `quit`.
    public init(address: ZEOServerConfiguration.Address, commands: [MonitorCommand]) {
        self.listener = SideListener(address: address, maximum: Self.maximumConnections)
        self.commands = Dictionary(commands.map { ($0.name, $0) }) { _, last in last }
    }

    /// Serves until graceful shutdown or cancellation. Throws `ZEOServerError` when it cannot listen.
    public func run() async throws {
        let commands = self.commands
        let patience = self.patience
        try await self.listener.run { channel in
            try channel.pipeline.syncOperations.addHandlers([
                IdleStateHandler(allTimeout: patience), MonitorHandler(commands: commands),
            ])
        }
    }

    /// Waits until it listens, and says where. Throws what `run()` throws when it ends first.
    public func waitUntilListening() async throws -> SocketAddress {
        try await self.listener.waitUntilListening()
    }
}
