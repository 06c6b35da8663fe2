//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ZKZEOAsync

/// When a client leaves a connection that works for a better one.
@Suite struct BetterServerTests {
    typealias Machine = ConnectionManagerStateMachine<String>

    static let a = ServerAddress.internet(ServiceAddress(host: "a", port: 1))
    static let b = ServerAddress.internet(ServiceAddress(host: "b", port: 2))

    private func machine(keepingRemovedFor grace: Duration? = nil) -> Machine {
        Machine(
            backoff: Backoff(first: .seconds(1), limit: .seconds(4)),
            patience: .seconds(7),
            keepingRemovedFor: grace
        )
    }

    private func success(_ connection: String, _ address: ServerAddress = a, isFallback: Bool = false)
        -> Machine.Success
    {
        Machine.Success(connection: connection, address: address, isFallback: isFallback)
    }

    private func connected(isFallback: Bool, keepingRemovedFor grace: Duration? = nil) -> Machine {
        var machine = self.machine(keepingRemovedFor: grace)
        _ = machine.addressesChanged([Self.a])
        _ = machine.succeeded(self.success("c", isFallback: isFallback), round: 1)
        _ = machine.verified("c", round: 1, jitter: 1)
        return machine
    }

    // MARK: Servers that can only be read

    @Test func aServerThatCanBeWrittenToIsPreferredWhoeverAnswersFirst() {
        var machine = self.machine()
        _ = machine.addressesChanged([Self.a, Self.b])
        #expect(machine.succeeded(self.success("r", isFallback: true), round: 1) == [.wait(round: 1, .seconds(7))])
        #expect(
            machine.succeeded(self.success("w", Self.b), round: 1)
                == [.close("r"), .cancelAttempts(round: 1), .verify("w", round: 1)]
        )
        #expect(machine.waitedLongEnough(round: 1) == [])
        #expect(machine.verified("w", round: 1, jitter: 1) == [.open("w")])
    }

    @Test func aServerThatCanOnlyBeReadIsTakenWhenAllOthersFailOrCanOnlyBeReadOrTakeTooLong() {
        var machine = self.machine()
        _ = machine.addressesChanged([Self.a, Self.b])
        _ = machine.succeeded(self.success("r", isFallback: true), round: 1)
        let isTaken: [Machine.Action] = [.cancelAttempts(round: 1), .verify("r", round: 1)]
        var copy = machine
        #expect(copy.failed(round: 1, jitter: 1) == isTaken)
        copy = machine
        #expect(copy.succeeded(self.success("s", Self.b, isFallback: true), round: 1) == [.close("s")] + isTaken)
        copy = machine
        #expect(copy.waitedLongEnough(round: 1) == isTaken)
        copy = machine
        #expect(copy.stop() == [.close("r"), .cancelAttempts(round: 1)])
        copy = machine
        #expect(copy.lost("r", lasted: .seconds(60), jitter: 1) == [])
        #expect(copy.failed(round: 1, jitter: 1) == [.rest(round: 2, .seconds(1))])
    }

    @Test func whileOnlyReadingIsPossibleAServerThatCanBeWrittenToIsLookedForAndTaken() {
        var machine = self.machine()
        _ = machine.addressesChanged([Self.a])
        _ = machine.succeeded(self.success("r", isFallback: true), round: 1)
        #expect(machine.verified("r", round: 1, jitter: 1) == [.open("r"), .rest(round: 2, .seconds(1))])
        #expect(machine.rested(round: 2) == [.attempt([Self.a], round: 3, .writable)])
        #expect(machine.failed(round: 3, jitter: 1) == [.rest(round: 4, .seconds(2))])
        #expect(machine.addressesChanged([Self.a, Self.b]) == [.attempt([Self.a, Self.b], round: 5, .writable)])
        #expect(machine.rested(round: 4) == [])
        #expect(machine.failed(round: 5, jitter: 1) == [])
        #expect(
            machine.succeeded(self.success("w", Self.b), round: 5)
                == [.close("r"), .cancelAttempts(round: 5), .verify("w", round: 5)]
        )
        #expect(machine.lost("r", lasted: .seconds(60), jitter: 1) == [])
        #expect(machine.verified("w", round: 5, jitter: 1) == [.open("w")])
    }

    @Test func whatIsLookedForIsGivenUpWithTheConnectionAndAtTheEnd() {
        var machine = self.connected(isFallback: true)
        _ = machine.rested(round: 2)
        var copy = machine
        #expect(
            copy.lost("c", lasted: .seconds(60), jitter: 1)
                == [.cancelAttempts(round: 3), .attempt([Self.a], round: 4, .asWished)]
        )
        #expect(machine.stop() == [.cancelAttempts(round: 3), .close("c")])
    }

    // MARK: Addresses that have been removed

    @Test func aConnectionStaysWhenItsAddressComesBackInTime() {
        var machine = self.connected(isFallback: false, keepingRemovedFor: .seconds(10))
        #expect(machine.addressesChanged([Self.b]) == [.keep(Self.a, removal: 1, .seconds(10))])
        #expect(machine.addressesChanged([Self.a, Self.b]) == [])
        #expect(machine.keptLongEnough(Self.a, removal: 1) == [])
        #expect(machine.addressesChanged([Self.b]) == [.keep(Self.a, removal: 2, .seconds(10))])
        #expect(machine.keptLongEnough(Self.a, removal: 1) == [], "that was another time")
    }

    @Test func aClientMovesWhenTheAddressStaysAwayAndAnotherOneIsThere() {
        var machine = self.connected(isFallback: false, keepingRemovedFor: .seconds(10))
        _ = machine.addressesChanged([Self.b])
        #expect(machine.keptLongEnough(Self.a, removal: 1) == [.attempt([Self.b], round: 2, .asWished)])
        #expect(
            machine.succeeded(self.success("d", Self.b), round: 2)
                == [.close("c"), .cancelAttempts(round: 2), .verify("d", round: 2)]
        )
    }

    @Test func aConnectionIsNotGivenUpForNothing() {
        var machine = self.connected(isFallback: false, keepingRemovedFor: .seconds(10))
        _ = machine.addressesChanged([])
        #expect(machine.keptLongEnough(Self.a, removal: 1) == [])
        // Another server appears only now.
        #expect(machine.addressesChanged([Self.b]) == [.attempt([Self.b], round: 2, .asWished)])
        #expect(machine.failed(round: 2, jitter: 1) == [.rest(round: 3, .seconds(1))])
        // The server is registered again meanwhile.
        _ = machine.addressesChanged([Self.a, Self.b])
        #expect(machine.rested(round: 3) == [])
    }

    @Test func aLostConnectionIsTriedAgainWhereItsAddressIsKept() {
        var machine = self.connected(isFallback: false, keepingRemovedFor: .seconds(10))
        _ = machine.addressesChanged([])
        #expect(
            machine.lost("c", lasted: .seconds(60), jitter: 1) == [.attempt([Self.a], round: 2, .asWished)]
        )
        #expect(machine.failed(round: 2, jitter: 1) == [.rest(round: 3, .seconds(1))])
        // It comes back though it was kept: a sign of life, which ends the pause.
        #expect(machine.addressesChanged([Self.a]) == [.attempt([Self.a], round: 4, .asWished)])
    }

    @Test func removedAddressesAreForgottenAtOnceWhereThatIsWished() {
        var machine = self.connected(isFallback: false)
        #expect(machine.addressesChanged([Self.b]) == [])
        #expect(machine.lost("c", lasted: .seconds(60), jitter: 1) == [.attempt([Self.b], round: 2, .asWished)])
    }
}
