//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Testing
import ZEOProtocol
import ZODBFormat

@testable import ZEOAsyncServer

/// The HTTP listener beside a server, with real connections.
@Suite(.timeLimit(.minutes(1))) struct OperatorHTTPServerTests {
    @Test func healthAndReadinessAreTold() async throws {
        try await Self.withHTTP(notReady: { "not registered in ZooKeeper" }) { _, port in
            let health = try await Self.get("/healthz", port: port)
            #expect(health.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(health.hasSuffix("\r\n\r\nok\n"))
            let readiness = try await Self.get("/readyz?verbose", port: port)
            #expect(readiness.hasPrefix("HTTP/1.1 503 Service Unavailable\r\n"))
            #expect(readiness.hasSuffix("\r\n\r\nnot registered in ZooKeeper\n"))
        }
        try await Self.withHTTP { _, port in
            let readiness = try await Self.get("/readyz", port: port)
            #expect(readiness.hasPrefix("HTTP/1.1 200 OK\r\n"))
        }
    }

    @Test func otherPathsAndMethodsAreRefused() async throws {
        try await Self.withHTTP { _, port in
            let missing = try await Self.get("/other", port: port)
            #expect(missing.hasPrefix("HTTP/1.1 404 Not Found\r\n"))
            for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
                let answer = try await Self.get("/", method: method, port: port)
                #expect(answer.hasPrefix("HTTP/1.1 405 Method Not Allowed\r\n"))
                #expect(answer.contains("\r\nAllow: GET, HEAD\r\n"))
            }
        }
    }

    @Test func headHasNoBodyAndConnectionsAreKept() async throws {
        try await Self.withHTTP { _, port in
            let client = try await TextClient(port: port)
            try await client.send("HEAD /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
            let head = await client.text(through: "\r\n\r\n")
            #expect(head.contains("\r\nContent-Length: 3\r\n"))
            try await client.send("GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            let answer = await client.rest()
            #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(answer.hasSuffix("\r\n\r\nok\n"))
        }
    }

    @Test func prometheusReadsTheMetrics() async throws {
        try await Self.withHTTP { server, port in
            let client = try await RawZEOClient.registered(port: server.port)
            _ = try await client.commit(.root)
            let output = try await runPython("prometheus.py", ["http://127.0.0.1:\(port)/metrics"])
            let samples = try #require(
                JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Double]
            )
            #expect(samples["zeo_commits_total{storage=1}"] == 1)
            #expect(samples["zeo_connections{}"] == 1)
            #expect(samples["zeo_objects{storage=1}"] == 1)
            #expect(samples["zeo_call_duration_seconds_count{method=tpc_finish}"] == 1)
            #expect(samples["zeo_call_duration_seconds_bucket{le=+Inf,method=tpc_finish}"] == 1)
            #expect(samples["undescribed"] == 0, "\(output)")
        }
    }

    @Test func thePageIsWellFormedAndHarmless() async throws {
        try await Self.withHTTP { server, port in
            let client = try await RawZEOClient.registered(port: server.port)
            try await client.send(.asynchronous(.setClientLabel("<script>alert('\"&')</script>")))
            _ = try await client.call(.ping)
            let output = try await runPython("html_page.py", ["http://127.0.0.1:\(port)/"])
            let page = try #require(JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
            #expect(page["problems"] as? [String] == [], "\(output)")
            let text = try #require(page["text"] as? String)
            #expect(text.contains("<script>alert('\"&')</script> 127.0.0.1:"))
            #expect(text.contains("ready"))
            #expect(text.contains("MappingStorage"))
        }
    }

    @Test func largeBodiesAreNotReadToTheirEnd() async throws {
        try await Self.withHTTP { _, port in
            let client = try await TextClient(port: port)
            try await client.send("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\n")
            let block = String(repeating: "x", count: 50_000)
            for _ in 0..<20 { try? await client.send(block) }
            _ = await client.rest()
            let health = try await Self.get("/healthz", port: port)
            #expect(health.hasSuffix("ok\n"))
        }
    }

    @Test func aClientThatAsksNothingIsCutOff() async throws {
        try await Self.withHTTP(patience: .milliseconds(100)) { _, port in
            for beginning in ["", "GET /heal", "GET / HTTP/1.1\r\nHost: h\r\n"] {
                let client = try await TextClient(port: port)
                // It may be cut off before it has said that much.
                try? await client.send(beginning)
                let answer = await client.rest()
                #expect(answer.isEmpty, "\(answer)")
            }
        }
    }

    @Test func nonsenseIsAnsweredWithAnError() async throws {
        try await Self.withHTTP { _, port in
            let answer = try await TextClient.ask("\u{16}\u{3}\u{1} no HTTP\r\n\r\n", port: port)
            #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 400 Bad Request\r\n"), "\(answer)")
        }
    }

    private static func get(_ path: String, method: String = "GET", port: Int) async throws -> String {
        try await TextClient.ask("\(method) \(path) HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", port: port)
    }

    private static func withHTTP(
        notReady: @escaping @Sendable () async -> String? = { nil },
        patience: TimeAmount? = nil,
        _ body: (ZEOServerUnderTest, Int) async throws -> Void
    ) async throws {
        let metrics = PrometheusMetrics(help: ZEOServerMetrics.help)
        try await withZEOServer {
            $0.metrics = ZEOServerMetrics(factory: metrics)
        } _: { server in
            var http = OperatorHTTPServer(
                address: .hostname("127.0.0.1", port: 0),
                server: server.server,
                metrics: metrics,
                notReady: notReady
            )
            if let patience { http.patience = patience }
            let running = Task { [http] in try await http.run() }
            let result: Result<Void, any Error>
            do {
                result = .success(try await body(server, http.waitUntilListening().port ?? 0))
            } catch {
                result = .failure(error)
            }
            running.cancel()
            try await running.value
            return try result.get()
        }
    }
}
