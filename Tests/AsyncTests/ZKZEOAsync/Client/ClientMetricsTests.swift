//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Metrics
import MetricsTestKit
import Testing
import ZEOAsyncServer
import ZKZEOAsync
import ZODB
import ZODBFormat
import ZODBStorage

/// What a client counts and measures.
@Suite(.timeLimit(.minutes(1))) struct ClientMetricsTests {
    @Test func connectionsCallsAndBytesAreCounted() async throws {
        let factory = TestMetrics()
        func count(_ label: String) -> Int64 {
            (try? factory.expectCounter(label, [("client", "test")]))?.totalValue ?? -1
        }
        try await withZEOServer { server in
            var options = ClientOptions()
            options.metrics = ClientMetrics(factory: factory, dimensions: [("client", "test")])
            let address = ServiceAddress(host: "127.0.0.1", port: server.port)
            let storage = try await ClientStorage.open(addresses: [address], options: options)
            let database = try await Database.open(storage)
            _ = try await storage.load(.root, before: .max)
            #expect(count("zeo_client_connections_total") == 1)
            #expect(count("zeo_client_connect_attempts_total") == 1)
            #expect(count("zeo_client_connect_failures_total") == 0)
            #expect(count("zeo_client_disconnections_total") == 0)
            #expect(count("zeo_client_received_bytes_total") > 100)
            #expect(count("zeo_client_sent_bytes_total") > 100)
            for method in ["loadBefore", "vote", "tpc_finish"] {
                let timer = try factory.expectTimer(
                    "zeo_client_call_duration_seconds",
                    [("client", "test"), ("method", method)]
                )
                #expect(!timer.values.isEmpty, "\(method)")
            }
            await database.close()
            #expect(count("zeo_client_disconnections_total") == 1)
        }
    }

    @Test func everyMetricIsExplained() async throws {
        let factory = TestMetrics()
        let metrics = ClientMetrics(factory: factory)
        withExtendedLifetime(metrics) {
            let names = factory.counters.map(\.label) + factory.meters.map(\.label)
            #expect(names.count >= 9)
            for name in names { #expect(ClientMetrics.help[name] != nil, "\(name)") }
        }
    }
}
