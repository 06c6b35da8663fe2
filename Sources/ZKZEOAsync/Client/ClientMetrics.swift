//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import Metrics
import Synchronization

/// The metrics of a client, made once.
///
/// Documentation/clients.md lists them. By default they go where `MetricsSystem` sends all metrics, which is nowhere until
/// the program has said otherwise; then nothing is measured.
public final class ClientMetrics: Sendable {
    /// Whether nobody will ever see these metrics.
    let isDiscarding: Bool

    let connected: Meter
    let connections, disconnections, attempts, failedAttempts: Counter
    let addresses: Meter
    let receivedBytes, sentBytes: Counter
    let invalidations: Counter

    private let factory: any MetricsFactory
    private let dimensions: [(String, String)]
    /// The metrics of each method, made when it is first called.
    private let methods = Mutex<[String: Method]>([:])

    private struct Method {
        let duration: Timer
        let failures: Counter
    }

    /// Metrics of a factory.
    ///
    /// - Parameters:
    ///   - factory: Where they go.
    ///   - dimensions: What tells this client from others of the program.
    public init(factory: any MetricsFactory = MetricsSystem.factory, dimensions: [(String, String)] = []) {
        func counter(_ label: String) -> Counter { Counter(label: label, dimensions: dimensions, factory: factory) }
        func meter(_ label: String) -> Meter { Meter(label: label, dimensions: dimensions, factory: factory) }
        self.factory = factory
        self.dimensions = dimensions
        self.isDiscarding = factory is NOOPMetricsHandler
        self.connected = meter("zeo_client_connected")
        self.connections = counter("zeo_client_connections_total")
        self.disconnections = counter("zeo_client_disconnections_total")
        self.attempts = counter("zeo_client_connect_attempts_total")
        self.failedAttempts = counter("zeo_client_connect_failures_total")
        self.addresses = meter("zeo_client_addresses")
        self.receivedBytes = counter("zeo_client_received_bytes_total")
        self.sentBytes = counter("zeo_client_sent_bytes_total")
        self.invalidations = counter("zeo_client_invalidations_total")
    }

    /// What `call` does, measured as a call of a method.
    func measured<Result>(_ method: String, _ call: () async throws -> Result) async throws -> Result {
        if self.isDiscarding { return try await call() }
        let metrics = self.metrics(of: method)
        let start = ContinuousClock.now
        defer { metrics.duration.recordNanoseconds(Int64((ContinuousClock.now - start) / .nanoseconds(1))) }
        do {
            return try await call()
        } catch {
            metrics.failures.increment()
            throw error
        }
    }

    private func metrics(of method: String) -> Method {
        self.methods.withLock { methods in
            if let known = methods[method] { return known }
            let dimensions = self.dimensions + [("method", method)]
            let new = Method(
                duration: Timer(
                    label: "zeo_client_call_duration_seconds",
                    dimensions: dimensions,
                    factory: self.factory
                ),
                failures: Counter(
                    label: "zeo_client_call_failures_total",
                    dimensions: dimensions,
                    factory: self.factory
                )
            )
            methods[method] = new
            return new
        }
    }

    /// What each metric is, for a page of metrics.
    public static let help: [String: String] = [
        "zeo_client_connected": "1 while there is a connection to a server, else 0.",
        "zeo_client_connections_total": "Connections to servers that were made and used.",
        "zeo_client_disconnections_total": "Connections that were used and lost or left.",
        "zeo_client_connect_attempts_total": "Attempts to connect to a server.",
        "zeo_client_connect_failures_total": "Attempts that failed; those that came second are not counted.",
        "zeo_client_addresses": "Addresses of servers that are known.",
        "zeo_client_call_duration_seconds": "Time from a call to its answer, by method.",
        "zeo_client_call_failures_total": "Calls without an answer, by method.",
        "zeo_client_received_bytes_total": "Bytes received from servers.",
        "zeo_client_sent_bytes_total": "Bytes sent to servers.",
        "zeo_client_invalidations_total": "Transactions of others that the server has told of.",
    ]
}
