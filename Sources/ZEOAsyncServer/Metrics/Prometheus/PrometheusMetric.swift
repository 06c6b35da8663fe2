//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Metrics
import Synchronization

/// One metric with its numbers.
enum PrometheusMetric {
    enum Kind: String { case counter, gauge, histogram }

    case counter(PrometheusCounter)
    case gauge(PrometheusGauge)
    case histogram(PrometheusHistogram)

    var kind: Kind {
        switch self {
        case .counter: .counter
        case .gauge: .gauge
        case .histogram: .histogram
        }
    }

    func `is`(_ other: PrometheusMetric) -> Bool {
        switch (self, other) {
        case (.counter(let one), .counter(let two)): one === two
        case (.gauge(let one), .gauge(let two)): one === two
        case (.histogram(let one), .histogram(let two)): one === two
        default: false
        }
    }

    /// Appends the samples.
    func write(_ name: String, _ labels: PrometheusLabels, to lines: inout [String]) {
        switch self {
        case .counter(let counter):
            lines.append("\(name)\(labels.text()) \(counter.value)")
        case .gauge(let gauge):
            lines.append("\(name)\(labels.text()) \(PrometheusText.number(gauge.value))")
        case .histogram(let histogram):
            let snapshot = histogram.snapshot()
            // One that has nothing to show would take a line for each bucket to say so.
            guard let count = snapshot.buckets.last?.count, count > 0 else { return }
            for (bound, count) in snapshot.buckets {
                lines.append("\(name)_bucket\(labels.text(("le", PrometheusText.number(bound)))) \(count)")
            }
            lines.append("\(name)_sum\(labels.text()) \(PrometheusText.number(snapshot.sum))")
            lines.append("\(name)_count\(labels.text()) \(count)")
        }
    }
}

/// A number that grows.
final class PrometheusCounter: CounterHandler {
    private let count = Atomic<Int64>(0)

    var value: Int64 { self.count.load(ordering: .relaxed) }

    func increment(by amount: Int64) {
        self.count.wrappingAdd(amount, ordering: .relaxed)
    }

    func reset() {
        self.count.store(0, ordering: .relaxed)
    }
}

/// A number that comes and goes.
final class PrometheusGauge: MeterHandler, RecorderHandler {
    private let bits = Atomic<UInt64>(0)

    var value: Double { Double(bitPattern: self.bits.load(ordering: .relaxed)) }

    func set(_ value: Int64) { self.set(Double(value)) }

    func set(_ value: Double) { self.bits.store(value.bitPattern, ordering: .relaxed) }

    func record(_ value: Int64) { self.set(value) }

    func record(_ value: Double) { self.set(value) }

    func increment(by amount: Double) {
        var old = self.bits.load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + amount).bitPattern
            let (done, seen) = self.bits.weakCompareExchange(expected: old, desired: new, ordering: .relaxed)
            if done { return }
            old = seen
        }
    }

    func decrement(by amount: Double) { self.increment(by: -amount) }
}

/// How often a number was at most so large, for several sizes.
final class PrometheusHistogram: TimerHandler, RecorderHandler {
    /// The sizes.
    enum Scale {
        /// From 10 microseconds to 30 seconds.
        case seconds
        /// From 1 to a million.
        case numbers

        var bounds: [Double] {
            switch self {
            case .seconds:
                [
                    1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5,
                    1, 2.5, 5, 10, 30,
                ]
            case .numbers:
                [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 1e4, 1e5, 1e6]
            }
        }
    }

    /// The buckets' upper bounds, in nanoseconds where the scale is in seconds.
    private let bounds: [Double]
    private let unit: Double
    /// How many numbers fell into each bucket; the last is for what is beyond all bounds.
    private let counts: [PrometheusCounter]
    private let sum = PrometheusGauge()

    init(_ scale: Scale) {
        let unit: Double = scale == .seconds ? 1e9 : 1
        self.unit = unit
        self.bounds = scale.bounds.map { $0 * unit }
        self.counts = (0...scale.bounds.count).map { _ in PrometheusCounter() }
    }

    func recordNanoseconds(_ duration: Int64) { self.record(Double(duration)) }

    func record(_ value: Int64) { self.record(Double(value)) }

    func record(_ value: Double) {
        var index = 0
        while index < self.bounds.count, value > self.bounds[index] { index += 1 }
        self.counts[index].increment(by: 1)
        self.sum.increment(by: value)
    }

    /// How many numbers were at most as large as each bound, the last of which is infinite, and the sum of all. Numbers
    /// that come meanwhile may be missing in either.
    func snapshot() -> (buckets: [(bound: Double, count: Int64)], sum: Double) {
        var total: Int64 = 0
        let buckets = zip(self.bounds.map { $0 / self.unit } + [.infinity], self.counts).map { bound, count in
            total += count.value
            return (bound: bound, count: total)
        }
        return (buckets, self.sum.value / self.unit)
    }
}
