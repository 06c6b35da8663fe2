//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import Metrics
import MetricsTestKit
import NIOCore
import Testing
import ZEOProtocol
import ZODBFormat
import ZODBStorage

@testable import ZEOAsyncServer

/// What a server counts.
@Suite(.timeLimit(.minutes(1))) struct ServerMetricsTests {
    private let metrics = TestMetrics()

    private func counter(_ label: String, storage: String? = nil, method: String? = nil) throws -> Int64 {
        let dimensions = [storage.map { ("storage", $0) }, method.map { ("method", $0) }].compactMap(\.self)
        return try self.metrics.expectCounter(label, dimensions).totalValue
    }

    private func calls(_ method: String) throws -> Int {
        try self.metrics.expectTimer("zeo_call_duration_seconds", [("method", method)]).values.count
    }

    @Test func callsCommitsAndBytesAreCounted() async throws {
        try await withZEOServer {
            $0.metrics = ZEOServerMetrics(factory: self.metrics)
        } _: { server in
            let writer = try await RawZEOClient.registered(port: server.port)
            let reader = try await RawZEOClient.registered(port: server.port)
            let tid = try await writer.commit(.root)
            _ = try await writer.commit(.root, over: tid)
            for _ in 1...5 { _ = try await reader.load(.root) }
            _ = try await reader.call(.loadSerial(.root, TransactionID(rawValue: 1)))
            #expect(try self.calls("loadBefore") == 5)
            #expect(try self.calls("register") == 2)
            #expect(try self.calls("vote") == 2)
            #expect(try self.calls("tpc_finish") == 2)
            #expect(try self.calls("storea") == 2)
            #expect(try self.calls("tpc_begin") == 2)
            #expect(try self.calls("ping") == 0)
            #expect(try self.counter("zeo_call_failures_total", method: "loadSerial") == 1)
            #expect(try self.counter("zeo_commits_total", storage: "1") == 2)
            #expect(try self.counter("zeo_stores_total", storage: "1") == 2)
            #expect(try self.counter("zeo_loads_total", storage: "1") == 5)
            #expect(try self.counter("zeo_invalidations_total", storage: "1") == 2)
            #expect(try self.counter("zeo_connections_opened_total") == 2)
            #expect(try self.counter("zeo_received_bytes_total") > 200)
            #expect(try self.counter("zeo_sent_bytes_total") > 200)
            #expect(try self.metrics.expectTimer("zeo_lock_wait_seconds", [("storage", "1")]).values.count == 2)
            #expect(try self.metrics.expectTimer("zeo_lock_held_seconds", [("storage", "1")]).values.count == 2)
        }
    }

    @Test func packsAreCountedAndTheirProgressShown() async throws {
        try await withTemporaryDirectory { directory in
            var configuration = FileStorageConfiguration(path: directory + "/Data.fs")
            configuration.packGC = false
            let storage = try await FileStorage.open(configuration)
            try await withZEOServer(of: [("1", storage)]) {
                $0.metrics = ZEOServerMetrics(factory: self.metrics)
            } _: { server in
                let client = try await RawZEOClient.registered(port: server.port)
                let dimensions = [("storage", "1")]
                let running = try self.metrics.expectMeter("zeo_pack_running", dimensions)
                let progress = try self.metrics.expectMeter("zeo_pack_progress_ratio", dimensions)
                var tid = try await client.commit(.root)
                for _ in 0..<20 { tid = try await client.commit(.root, over: tid) }
                #expect(try self.counter("zeo_packs_total", storage: "1") == 0)
                #expect(running.values.isEmpty)
                let time = tid.secondsSince1970 + 1
                #expect(try await client.call(.pack(time: time, isWaited: true)).plainValue() == .none)
                #expect(try self.counter("zeo_packs_total", storage: "1") == 1)
                #expect(running.values.contains(1) && running.values.last == 0)
                #expect(!progress.values.isEmpty && progress.values.last == 0)
                #expect(progress.values.allSatisfy { (0...1).contains($0) })
                // Nothing is waited for but the call; then the pack ends some time.
                #expect(try await client.call(.pack(time: time, isWaited: false)).plainValue() == .none)
                try await eventually("the second pack has ended") {
                    try self.counter("zeo_packs_total", storage: "1") == 2 && running.values.last == 0
                }
            }
            try await storage.close()
        }
    }

    @Test func slowCallsAreLoggedAndCounted() async throws {
        try await withZEOServer {
            $0.metrics = ZEOServerMetrics(factory: self.metrics)
            $0.slowCallTime = .milliseconds(50)
        } _: { server in
            let first = try await RawZEOClient.registered(port: server.port)
            let second = try await RawZEOClient.registered(port: server.port)
            try await first.store(TransactionToken(1), [(.root, .zero)])
            _ = try await first.call(.vote(TransactionToken(1)))
            try await second.store(TransactionToken(1), [(ObjectID(rawValue: 2), .zero)])
            let vote = try await second.begin(.vote(TransactionToken(1)))
            try await Task.sleep(for: .milliseconds(80))
            _ = try await first.finish(TransactionToken(1))
            _ = try await second.reply(to: vote)
            try await eventually("the slow call is logged") {
                server.log.contains("slow: 'vote' took 0.", at: .warning)
            }
            #expect(try self.counter("zeo_slow_calls_total") >= 1)
            #expect(!server.log.contains("slow: 'storea'"))
        }
    }

    @Test func slowCallsAreLoggedWhereNothingIsMeasured() async throws {
        try await withZEOServer {
            $0.slowCallTime = .zero
        } _: { server in
            let client = try await RawZEOClient.registered(port: server.port)
            _ = try await client.commit(.root)
            _ = try await client.load(.root)
            try await eventually("the call is logged") { server.log.contains("slow: 'loadBefore' took 0.") }
        }
    }

    @Test func aFileStorageTellsItsSynchronizations() async throws {
        try await withTemporaryDirectory { directory in
            let serverMetrics = ZEOServerMetrics(factory: self.metrics)
            var configuration = FileStorageConfiguration(path: directory + "/Data.fs")
            configuration.writeObserver = serverMetrics.storage(named: "1")
            let storage = try await FileStorage.open(configuration)
            try await withZEOServer(of: [("1", storage)]) {
                $0.metrics = serverMetrics
            } _: { server in
                let writer = try await RawZEOClient.registered(port: server.port)
                _ = try await writer.commit(.root)
                let dimensions = [("storage", "1")]
                #expect(try self.metrics.expectTimer("zeo_sync_duration_seconds", dimensions).values.count == 1)
                #expect(try self.metrics.expectRecorder("zeo_sync_transactions", dimensions).values == [1])
                #expect(try self.counter("zeo_written_bytes_total", storage: "1") > 50)
            }
            try await storage.close()
        }
    }
}
