//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Metrics
import Synchronization

/// A number that `server_status` tells, and that goes into a metric as well where anybody looks at metrics.
final class EventCounter: Sendable {
    private let count = Atomic(0)
    private let counter: Counter?
    private let meter: Meter?

    /// A number that grows.
    init(_ counter: Counter?) {
        self.counter = counter
        self.meter = nil
    }

    /// A number that comes and goes.
    init(level meter: Meter?) {
        self.counter = nil
        self.meter = meter
    }

    var value: Int { self.count.load(ordering: .relaxed) }

    func increment(by amount: Int = 1) {
        self.count.wrappingAdd(amount, ordering: .relaxed)
        self.counter?.increment(by: amount)
        self.meter?.increment(by: Double(amount))
    }

    func decrement() {
        self.count.wrappingSubtract(1, ordering: .relaxed)
        self.meter?.decrement()
    }
}
