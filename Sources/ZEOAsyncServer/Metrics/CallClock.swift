//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Metrics
import NIOCore
import ZEOProtocol

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Measures the calls of one connection: from the moment when one is read to the moment when its answer is written.
///
/// Most calls are answered before the next one is read, and for them nothing is kept beyond one field. Confined to the
/// connection's event loop.
struct CallClock {
    private struct Started {
        var id: MessageID
        var method: CallMethod
        var time: UInt64
        var isAsynchronous: Bool
    }

    /// A call that took long.
    struct SlowCall {
        var method: CallMethod
        var nanoseconds: UInt64
    }

    private let metrics: ZEOServerMetrics?
    private let slowCallTime: UInt64
    private var current: Started?
    private var waiting: [MessageID: Started] = [:]

    /// A clock that records into `metrics`, if anybody looks at them, and tells calls that take at least `slowCallTime`.
    init(_ metrics: ZEOServerMetrics, slowCallTime: Duration?) {
        self.metrics = metrics.isDiscarding ? nil : metrics
        self.slowCallTime = slowCallTime.map { UInt64(max($0 / .nanoseconds(1), 0)) } ?? .max
    }

    private var isOff: Bool { self.metrics == nil && self.slowCallTime == .max }

    /// A call has been read.
    mutating func began(_ message: ClientMessage) {
        if self.isOff { return }
        self.current = Started(
            id: message.id,
            method: CallMethod(message.call),
            time: self.now(),
            isAsynchronous: message.isAsynchronous
        )
    }

    /// What could be done at once for the call has been done.
    mutating func returned() -> SlowCall? {
        guard let started = self.current else { return nil }
        self.current = nil
        if started.isAsynchronous { return self.ended(started) }
        self.waiting[started.id] = started
        return nil
    }

    /// An answer has been written.
    mutating func answered(_ id: MessageID) -> SlowCall? {
        if let started = self.current, started.id == id, !started.isAsynchronous {
            self.current = nil
            return self.ended(started)
        }
        guard !self.waiting.isEmpty, let started = self.waiting.removeValue(forKey: id) else { return nil }
        return self.ended(started)
    }

    /// A call will have no answer, if it has had none.
    mutating func forget(_ id: MessageID) {
        self.waiting[id] = nil
    }

    /// A call has failed.
    func failed(_ call: ServerCall) {
        self.metrics?.failed(CallMethod(call))
    }

    private func ended(_ started: Started) -> SlowCall? {
        let time = self.now()
        let nanoseconds = time > started.time ? time - started.time : 0
        self.metrics?.took(started.method, nanoseconds: nanoseconds)
        guard nanoseconds >= self.slowCallTime else { return nil }
        self.metrics?.slowCalls.increment()
        return SlowCall(method: started.method, nanoseconds: nanoseconds)
    }

    /// The time in nanoseconds. Where nobody wants numbers the clock's last tick is good enough, which costs next to
    /// nothing.
    private func now() -> UInt64 {
        #if os(Linux)
        if self.metrics == nil {
            var time = timespec()
            unsafe clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
            return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
        }
        #endif
        return NIODeadline.now().uptimeNanoseconds
    }
}
