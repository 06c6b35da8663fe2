//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ZEOAsyncServer

/// Which faults of strangers are told.
@Suite struct FaultLogStateMachineTests {
    @Test func theSameFaultOfTheSameHostIsToldOnceAMinute() {
        var machine = FaultLogStateMachine()
        expect(machine.happened(host: "a", fault: "x", at: .seconds(0)), .tell(untold: 0))
        expect(machine.happened(host: "a", fault: "x", at: .seconds(1)), .none)
        expect(machine.happened(host: "a", fault: "y", at: .seconds(2)), .tell(untold: 0))
        expect(machine.happened(host: "b", fault: "x", at: .seconds(3)), .tell(untold: 0))
        expect(machine.happened(host: "a", fault: "x", at: .seconds(59)), .none)
        expect(machine.happened(host: "a", fault: "x", at: .seconds(60)), .tell(untold: 2))
        expect(machine.happened(host: "a", fault: "x", at: .seconds(119)), .none)
        expect(machine.happened(host: "a", fault: "x", at: .seconds(500)), .tell(untold: 1))
    }

    @Test func manyHostsAtOnceAreTakenTogether() {
        var machine = FaultLogStateMachine()
        var told = 0
        for host in 0..<5000 where machine.happened(host: "\(host)", fault: "x", at: .seconds(1)) != .none { told += 1 }
        #expect(told == FaultLogStateMachine.limit + 1)
        // A minute later there is room again.
        expect(machine.happened(host: "new", fault: "x", at: .seconds(62)), .tell(untold: 0))
    }
}
