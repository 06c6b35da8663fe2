//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import Metrics

/// The metrics of a server, made once.
///
/// Documentation/monitoring.md lists them. By default they go where `MetricsSystem` sends all metrics, which is nowhere
/// until the program has said otherwise; then nothing is measured.
public final class ZEOServerMetrics: Sendable, Hashable {
    let factory: any MetricsFactory
    /// Whether nobody will ever see these metrics.
    let isDiscarding: Bool

    /// Connections that are open, and how many have been opened.
    let connections: Meter
    let connectionsOpened: Counter
    /// Bytes of the conversation.
    let receivedBytes: Counter
    let sentBytes: Counter
    let slowCalls: Counter
    /// One for each `CallMethod`, in its place.
    private let callTimers: [Timer]
    private let callFailures: [Counter]

    /// Metrics of a factory.
    public init(factory: any MetricsFactory = MetricsSystem.factory) {
        self.factory = factory
        self.isDiscarding = factory is NOOPMetricsHandler
        self.connections = Meter(label: "zeo_connections", factory: factory)
        self.connectionsOpened = Counter(label: "zeo_connections_opened_total", factory: factory)
        self.receivedBytes = Counter(label: "zeo_received_bytes_total", factory: factory)
        self.sentBytes = Counter(label: "zeo_sent_bytes_total", factory: factory)
        self.slowCalls = Counter(label: "zeo_slow_calls_total", factory: factory)
        self.callTimers = CallMethod.allCases.map { method in
            Timer(label: "zeo_call_duration_seconds", dimensions: [("method", method.name)], factory: factory)
        }
        self.callFailures = CallMethod.allCases.map { method in
            Counter(label: "zeo_call_failures_total", dimensions: [("method", method.name)], factory: factory)
        }
    }

    func took(_ method: CallMethod, nanoseconds: UInt64) {
        self.callTimers[method.rawValue].recordNanoseconds(Int64(clamping: nanoseconds))
    }

    func failed(_ method: CallMethod) {
        self.callFailures[method.rawValue].increment()
    }

    /// The metrics of a storage that is served under a name.
    public func storage(named name: String) -> ZEOStorageMetrics {
        ZEOStorageMetrics(storage: name, factory: self.factory)
    }

    public static func == (one: ZEOServerMetrics, two: ZEOServerMetrics) -> Bool { one === two }

    public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }

    /// What each metric is, for ``PrometheusMetrics``.
    public static let help: [String: String] = [
        "zeo_connections": "Connections that are open.",
        "zeo_connections_opened_total": "Connections that have been opened, monitors' among them.",
        "zeo_received_bytes_total": "Bytes received from clients.",
        "zeo_sent_bytes_total": "Bytes sent to clients.",
        "zeo_slow_calls_total": "Calls that took so long that a line was logged.",
        "zeo_call_duration_seconds": "Time from reading a call to writing its answer, by method.",
        "zeo_call_failures_total": "Calls that were answered with an exception, by method.",
        "zeo_loads_total": "Loads of current or older revisions.",
        "zeo_stores_total": "Records that clients have sent for a transaction.",
        "zeo_commits_total": "Transactions that were committed.",
        "zeo_aborts_total": "Transactions that were given up.",
        "zeo_conflicts_total": "Votes that failed because of a conflict.",
        "zeo_conflicts_resolved_total": "Conflicts that the server resolved.",
        "zeo_active_transactions": "Transactions that clients have begun and not ended.",
        "zeo_votes_waiting": "Votes that have begun and not ended: waiting for the commit lock, or being checked.",
        "zeo_lock_wait_seconds": "Time from a vote to the commit lock.",
        "zeo_lock_held_seconds": "Time for which a client has held the commit lock.",
        "zeo_invalidations_total": "Messages that told a client what has changed.",
        "zeo_objects": "Objects in the storage, as of the last look.",
        "zeo_storage_bytes": "Size of the storage, as of the last look.",
        "zeo_sync_duration_seconds": "Time that the file system took to make transactions durable.",
        "zeo_sync_transactions": "Transactions that one synchronisation made durable.",
        "zeo_written_bytes_total": "Bytes of transactions that were written to the data file.",
        "zeo_append_queue_length": "Transactions that waited to be written when a synchronisation ended.",
        "zeo_pack_running": "1 while the storage is packed, else 0.",
        "zeo_pack_progress_ratio": "How much of the current phase of a pack is done, from 0 to 1.",
        "zeo_packs_total": "Packs that have ended well.",
    ]
}
