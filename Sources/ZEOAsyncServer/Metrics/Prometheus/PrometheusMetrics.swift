//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import Metrics
import Synchronization

/// Metrics that Prometheus can read: a factory for swift-metrics that keeps what it made, and writes it as text.
///
/// Counters are counters, meters and plain recorders are gauges, timers are histograms in seconds, and recorders that
/// aggregate are histograms. Whoever asks twice for a name with the same dimensions gets the same metric. Characters that
/// Prometheus does not allow in names become `_`.
///
/// Guarded by `families`: which metrics there are. Their numbers are atomics of their own.
public final class PrometheusMetrics: MetricsFactory {
    /// The type of the text, for `Content-Type`.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private struct Family {
        var kind: PrometheusMetric.Kind
        var metrics: [PrometheusLabels: PrometheusMetric] = [:]
    }

    private let families = Mutex<[String: Family]>([:])
    private let help: [String: String]

    /// A factory without metrics yet. `help` says in a sentence what a metric is, by its name.
    public init(help: [String: String] = [:]) {
        self.help = help
    }

    /// All metrics in Prometheus' text format, sorted by name and labels.
    public func text() -> String {
        let families = self.families.withLock { $0 }
        var lines: [String] = []
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            if let help = self.help[name] { lines.append("# HELP \(name) \(PrometheusText.escapedHelp(help))") }
            lines.append("# TYPE \(name) \(family.kind.rawValue)")
            for (labels, metric) in family.metrics.sorted(by: { $0.key < $1.key }) {
                metric.write(name, labels, to: &lines)
            }
        }
        return lines.map { $0 + "\n" }.joined()
    }

    /// The metric of a name and dimensions. One name has one kind: a metric of another kind is made, and not shown.
    private func metric(
        _ label: String,
        _ dimensions: [(String, String)],
        _ make: () -> PrometheusMetric
    ) -> PrometheusMetric {
        let labels = PrometheusLabels(dimensions)
        return self.families.withLock { families in
            let new = make()
            let name = PrometheusText.name(label)
            var family = families[name] ?? Family(kind: new.kind)
            guard family.kind == new.kind else { return new }
            if let known = family.metrics[labels] { return known }
            family.metrics[labels] = new
            families[name] = family
            return new
        }
    }

    private func remove(_ removed: PrometheusMetric) {
        self.families.withLock { families in
            for (name, family) in families where family.kind == removed.kind {
                guard let labels = family.metrics.first(where: { $0.value.is(removed) })?.key else { continue }
                families[name]?.metrics[labels] = nil
                if families[name]?.metrics.isEmpty == true { families[name] = nil }
                return
            }
        }
    }

    // MARK: MetricsFactory

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        guard case .counter(let counter) = self.metric(label, dimensions, { .counter(PrometheusCounter()) }) else {
            return PrometheusCounter()
        }
        return counter
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        guard case .gauge(let gauge) = self.metric(label, dimensions, { .gauge(PrometheusGauge()) }) else {
            return PrometheusGauge()
        }
        return gauge
    }

    public func makeRecorder(
        label: String,
        dimensions: [(String, String)],
        aggregate: Bool
    ) -> any RecorderHandler {
        let metric = self.metric(label, dimensions) {
            aggregate ? .histogram(PrometheusHistogram(.numbers)) : .gauge(PrometheusGauge())
        }
        switch metric {
        case .histogram(let histogram): return histogram
        case .gauge(let gauge): return gauge
        case .counter: return PrometheusGauge()
        }
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        let metric = self.metric(label, dimensions) { .histogram(PrometheusHistogram(.seconds)) }
        guard case .histogram(let histogram) = metric else { return PrometheusHistogram(.seconds) }
        return histogram
    }

    public func destroyCounter(_ handler: any CounterHandler) {
        if let counter = handler as? PrometheusCounter { self.remove(.counter(counter)) }
    }

    public func destroyMeter(_ handler: any MeterHandler) {
        if let gauge = handler as? PrometheusGauge { self.remove(.gauge(gauge)) }
    }

    public func destroyRecorder(_ handler: any RecorderHandler) {
        if let histogram = handler as? PrometheusHistogram { self.remove(.histogram(histogram)) }
        if let gauge = handler as? PrometheusGauge { self.remove(.gauge(gauge)) }
    }

    public func destroyTimer(_ handler: any TimerHandler) {
        if let histogram = handler as? PrometheusHistogram { self.remove(.histogram(histogram)) }
    }
}
