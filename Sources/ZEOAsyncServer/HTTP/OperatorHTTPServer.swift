//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
import NIOHTTP1
public import ServiceLifecycle

/// An HTTP listener for operators and their machines: `/metrics` for Prometheus, `/healthz` and `/readyz` for whoever
/// supervises the process, and `/`, a page that shows how the server is doing.
///
/// ```swift
/// let metrics = PrometheusMetrics(help: ZEOServerMetrics.help)
/// configuration.metrics = ZEOServerMetrics(factory: metrics)
/// let server = ZEOServer(configuration: configuration, storages: storages, logger: logger)
/// let http = OperatorHTTPServer(address: .hostname("127.0.0.1", port: 9100), server: server, metrics: metrics)
/// ```
///
/// Run it in a `ServiceGroup` beside the server. It has no access control: let it listen where only operators come.
public struct OperatorHTTPServer: Service {
    /// How many clients are served at a time; others are turned away.
    public static let maximumConnections = 128
    /// How long a client may be silent, or take nothing of an answer.
    var patience = TimeAmount.seconds(60)

    private let listener: SideListener
    private let server: ZEOServer
    private let metrics: PrometheusMetrics?
    private let notReady: @Sendable () async -> String?

    /// A listener.
    ///
    /// - Parameters:
    ///   - address: Where to listen.
    ///   - server: The server that it speaks of.
    ///   - metrics: What `/metrics` shows; without, there is no `/metrics`.
    ///   - notReady: What is missing, beside a server that serves, before clients can be sent here; `nil` for nothing.
    public init(
        address: ZEOServerConfiguration.Address,
        server: ZEOServer,
        metrics: PrometheusMetrics?,
        notReady: @escaping @Sendable () async -> String? = { nil }
    ) {
        self.listener = SideListener(address: address, maximum: Self.maximumConnections)
        self.server = server
        self.metrics = metrics
        self.notReady = notReady
    }

    /// Serves until graceful shutdown or cancellation. Throws `ZEOServerError` when it cannot listen.
    public func run() async throws {
        try await self.listener.run { channel in
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(IdleStateHandler(allTimeout: self.patience))
            try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
            try pipeline.addHandler(OperatorHTTPHandler { await self.page($0) })
        }
    }

    /// Waits until it listens, and says where. Throws what `run()` throws when it ends first.
    public func waitUntilListening() async throws -> SocketAddress {
        try await self.listener.waitUntilListening()
    }

    private func page(_ path: String) async -> OperatorPage {
        switch path {
        case "/healthz":
            return OperatorPage(body: "ok\n")
        case "/readyz":
            guard await self.server.isListening else { return .unavailable("the server does not listen") }
            if let reason = await self.notReady() { return .unavailable(reason) }
            return OperatorPage(body: "ready\n")
        case "/metrics":
            guard let metrics else { return .notFound }
            await self.server.refreshMetrics()
            return OperatorPage(contentType: PrometheusMetrics.contentType, body: metrics.text())
        case "/":
            guard let report = await self.server.report() else { return .unavailable("the server does not listen") }
            return .html(StatusPage(report: report, notReady: await self.notReady()).html)
        default:
            return .notFound
        }
    }
}
