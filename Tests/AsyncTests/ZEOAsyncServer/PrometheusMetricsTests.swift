//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Metrics
import Testing

@testable import ZEOAsyncServer

/// Prometheus' text format.
@Suite(.timeLimit(.minutes(1))) struct PrometheusMetricsTests {
    @Test func eachKindHasItsForm() {
        let metrics = PrometheusMetrics(help: ["calls_total": "Calls.\nBy \\ method."])
        Metrics.Counter(label: "calls_total", dimensions: [("method", "ping")], factory: metrics).increment(by: 3)
        Metrics.Counter(label: "calls_total", dimensions: [("method", "a\"b\\c\nd")], factory: metrics).increment()
        let gauge = Meter(label: "clients", factory: metrics)
        gauge.set(2.5)
        gauge.increment(by: 2.0)
        gauge.decrement(by: 1.0)
        #expect(
            metrics.text() == """
                # HELP calls_total Calls.\\nBy \\\\ method.
                # TYPE calls_total counter
                calls_total{method="a\\"b\\\\c\\nd"} 1
                calls_total{method="ping"} 3
                # TYPE clients gauge
                clients 3.5

                """
        )
    }

    @Test func timersAreHistogramsInSeconds() {
        let metrics = PrometheusMetrics()
        let timer = Timer(label: "wait.seconds", factory: metrics)
        for nanoseconds in [1, 10_000, 10_001, 2_000_000, 40_000_000_000] { timer.recordNanoseconds(nanoseconds) }
        let lines = metrics.text().split(separator: "\n").map(String.init)
        #expect(lines[0] == "# TYPE wait_seconds histogram")
        #expect(lines[1] == "wait_seconds_bucket{le=\"1e-05\"} 2")
        #expect(lines[2] == "wait_seconds_bucket{le=\"2.5e-05\"} 3")
        #expect(lines.contains("wait_seconds_bucket{le=\"0.0025\"} 4"))
        #expect(lines.contains("wait_seconds_bucket{le=\"30\"} 4"))
        #expect(lines.contains("wait_seconds_bucket{le=\"+Inf\"} 5"))
        #expect(lines.last == "wait_seconds_count 5")
    }

    @Test func oneNameAndDimensionsAreOneMetric() {
        let metrics = PrometheusMetrics()
        for _ in 1...2 {
            Metrics.Counter(label: "n", dimensions: [("b", "1"), ("a", "2")], factory: metrics).increment()
            Metrics.Counter(label: "n", dimensions: [("a", "2"), ("b", "1")], factory: metrics).increment()
        }
        // A name that is taken by another kind is not shown.
        Meter(label: "n", factory: metrics).set(7)
        #expect(metrics.text() == "# TYPE n counter\nn{a=\"2\",b=\"1\"} 4\n")
    }

    @Test func destroyedMetricsAreForgotten() {
        let metrics = PrometheusMetrics()
        let counter = Metrics.Counter(label: "n", dimensions: [("a", "1")], factory: metrics)
        Metrics.Counter(label: "n", dimensions: [("a", "2")], factory: metrics).increment()
        counter.destroy()
        #expect(metrics.text() == "# TYPE n counter\nn{a=\"2\"} 1\n")
    }

    @Test func forbiddenNamesAreMended() {
        let metrics = PrometheusMetrics()
        Metrics.Counter(label: "9 lives.é", dimensions: [("a:b-c", "x")], factory: metrics).increment()
        #expect(metrics.text() == "# TYPE _9_lives__ counter\n_9_lives__{a_b_c=\"x\"} 1\n")
    }

    @Test func concurrentRecordingLosesNothing() async {
        let metrics = PrometheusMetrics()
        let (timer, gauge) = (Timer(label: "t", factory: metrics), Meter(label: "g", factory: metrics))
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1000 {
                        timer.recordNanoseconds(1_000_000_000)
                        gauge.increment()
                    }
                }
            }
        }
        #expect(metrics.text().contains("g 8000\n"))
        #expect(metrics.text().contains("t_sum 8000\n"))
        #expect(metrics.text().contains("t_count 8000\n"))
    }
}
