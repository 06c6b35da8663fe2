//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ZKZEOAsync

@Suite struct ConnectionManagerStateMachineTests {
    typealias Machine = ConnectionManagerStateMachine<String>

    static let a = ServerAddress.internet(ServiceAddress(host: "a", port: 1))
    static let b = ServerAddress.unix(path: "/b")

    private static func success(_ connection: String, at address: ServerAddress = a) -> Machine.Success {
        Machine.Success(connection: connection, address: address)
    }

    /// How the machine gets into each of its states, and in which round it is then.
    enum Stage: CaseIterable {
        case idle, attempting, verifying, connected, resting, stopped

        var machine: Machine {
            var machine = Machine(backoff: Backoff(first: .seconds(1), limit: .seconds(4)))
            if self == .idle { return machine }
            _ = machine.addressesChanged([a])
            switch self {
            case .idle, .attempting: break
            case .verifying: _ = machine.succeeded(success("c"), round: 1)
            case .connected:
                _ = machine.succeeded(success("c"), round: 1)
                _ = machine.verified("c", round: 1, jitter: 1)
            case .resting: _ = machine.failed(round: 1, jitter: 1)
            case .stopped: _ = machine.stop()
            }
            return machine
        }
    }

    @Test(arguments: [
        (Stage.idle, [Machine.Action.attempt([b], round: 1, .asWished)]),
        (.attempting, [.cancelAttempts(round: 1), .attempt([b], round: 2, .asWished)]),
        (.verifying, []), (.connected, []),
        (.resting, [.attempt([b], round: 3, .asWished)]), (.stopped, []),
    ])
    func newAddressesAreTriedAtOnceUnlessAConnectionStands(_ stage: Stage, _ expected: [Machine.Action]) {
        var machine = stage.machine
        #expect(machine.addressesChanged([Self.b]) == expected)
        #expect(machine.addressesChanged([Self.b]) == [])
    }

    @Test(arguments: [
        (Stage.idle, []), (.attempting, [Machine.Action.cancelAttempts(round: 1)]), (.verifying, []), (.connected, []),
        (.resting, []), (.stopped, []),
    ])
    func withoutAddressesNothingIsTried(_ stage: Stage, _ expected: [Machine.Action]) {
        var machine = stage.machine
        #expect(machine.addressesChanged([]) == expected)
        #expect(machine.rested(round: 2) == [])
        #expect(machine.addressesChanged([]) == [])
    }

    @Test(arguments: Stage.allCases)
    func theFirstServerThatTakesTheClientWinsAndLaterOnesAreLetGo(_ stage: Stage) {
        var machine = stage.machine
        let actions = machine.succeeded(Self.success("d"), round: 1)
        #expect(
            actions == (stage == .attempting ? [.cancelAttempts(round: 1), .verify("d", round: 1)] : [.close("d")])
        )
        #expect(machine.succeeded(Self.success("e"), round: 1) == [.close("e")])
    }

    @Test(arguments: Stage.allCases)
    func aServerOfAnEarlierRoundIsLetGo(_ stage: Stage) {
        var machine = stage.machine
        #expect(machine.succeeded(Self.success("d"), round: 0) == [.close("d")])
        #expect(machine.failed(round: 0, jitter: 0) == [])
        #expect(machine.verified("d", round: 0, jitter: 1) == [.close("d")])
        #expect(machine.verificationFailed("d", round: 0, jitter: 0) == [.close("d")])
        #expect(machine.rested(round: 0) == [])
    }

    @Test(arguments: Stage.allCases)
    func aRoundInWhichAllFailIsFollowedByAPause(_ stage: Stage) {
        var machine = stage.machine
        #expect(machine.failed(round: 1, jitter: 1) == (stage == .attempting ? [.rest(round: 2, .seconds(1))] : []))
    }

    @Test func thePauseComesAfterTheLastFailureAndGrows() {
        var machine = Machine(backoff: Backoff(first: .seconds(1), limit: .seconds(3)))
        #expect(machine.addressesChanged([Self.a, Self.b]) == [.attempt([Self.a, Self.b], round: 1, .asWished)])
        #expect(machine.failed(round: 1, jitter: 1) == [])
        #expect(machine.failed(round: 1, jitter: 1) == [.rest(round: 2, .seconds(1))])
        #expect(machine.failed(round: 1, jitter: 1) == [])
        #expect(machine.rested(round: 2) == [.attempt([Self.a, Self.b], round: 3, .asWished)])
        #expect(machine.rested(round: 2) == [])
        _ = machine.failed(round: 3, jitter: 1)
        #expect(machine.failed(round: 3, jitter: 1) == [.rest(round: 4, .seconds(2))])
        _ = machine.rested(round: 4)
        _ = machine.failed(round: 5, jitter: 1)
        #expect(machine.failed(round: 5, jitter: 0) == [.rest(round: 6, .seconds(1.5))])
        // New addresses are a reason for new hope.
        _ = machine.addressesChanged([Self.b])
        #expect(machine.failed(round: 7, jitter: 1) == [.rest(round: 8, .seconds(1))])
    }

    @Test(arguments: Stage.allCases)
    func aVerifiedConnectionIsOpened(_ stage: Stage) {
        var machine = stage.machine
        #expect(machine.verified("c", round: 1, jitter: 1) == (stage == .verifying ? [.open("c")] : [.close("c")]))
    }

    @Test(arguments: Stage.allCases)
    func aConnectionThatCannotBeVerifiedIsClosed(_ stage: Stage) {
        var machine = stage.machine
        let actions = machine.verificationFailed("c", round: 1, jitter: 1)
        #expect(actions == (stage == .verifying ? [.close("c"), .rest(round: 2, .seconds(1))] : [.close("c")]))
    }

    @Test(arguments: Stage.allCases)
    func aLostConnectionIsReplacedAtOnceUnlessItHardlyStood(_ stage: Stage) {
        var machine = stage.machine
        let lasted = machine.lost("c", lasted: .seconds(60), jitter: 1)
        #expect(lasted == (stage == .connected ? [.attempt([Self.a], round: 2, .asWished)] : []))
        machine = stage.machine
        let brief = machine.lost("c", lasted: .milliseconds(1), jitter: 1)
        #expect(brief == (stage == .connected ? [.rest(round: 2, .seconds(1))] : []))
        machine = stage.machine
        #expect(machine.lost("another", lasted: .seconds(60), jitter: 1) == [])
    }

    @Test func aConnectionThatIsLostAfterItsAddressIsNotReplaced() {
        for lasted in [Duration.zero, .seconds(60)] {
            var machine = Stage.connected.machine
            _ = machine.addressesChanged([])
            #expect(machine.lost("c", lasted: lasted, jitter: 1) == [])
            #expect(machine.addressesChanged([Self.b]) == [.attempt([Self.b], round: 2, .asWished)])
        }
    }

    @Test(arguments: [
        (Stage.idle, []), (.attempting, [Machine.Action.cancelAttempts(round: 1)]), (.verifying, [.close("c")]),
        (.connected, [.close("c")]), (.resting, []), (.stopped, []),
    ])
    func stoppingGivesUpWhatThereIs(_ stage: Stage, _ expected: [Machine.Action]) {
        var machine = stage.machine
        #expect(machine.stop() == expected)
        #expect(machine.stop() == [])
        #expect(machine.addressesChanged([Self.b]) == [])
        #expect(machine.rested(round: 2) == [])
    }
}

@Suite struct BackoffTests {
    @Test func theWaitDoublesUpToTheLimitAndJitterTakesUpToHalf() {
        let backoff = Backoff(first: .milliseconds(100), limit: .seconds(1))
        #expect(
            (1...6).map { backoff.delay(afterFailures: $0, jitter: 1) }
                == [100, 200, 400, 800, 1000, 1000].map(Duration.milliseconds)
        )
        #expect(backoff.delay(afterFailures: 1, jitter: 0) == .milliseconds(50))
        #expect(backoff.delay(afterFailures: 1, jitter: 0.5) == .milliseconds(75))
        #expect(backoff.delay(afterFailures: 1_000_000, jitter: 7) == .seconds(1))
    }
}

@Suite struct AddressLogTests {
    @Test func theStartThatWaits() {
        var log = AddressLog(startWaits: true)
        #expect(log.stillWaiting() == [])
        #expect(log.changed([]) == [.noAddresses])
        #expect(log.changed([]) == [])
        #expect(log.stillWaiting() == [.noAddresses])
        #expect(log.changed(["b:2", "a:1"]) == [.gotAddresses, .addresses(["a:1", "b:2"])])
        #expect(log.stillWaiting() == [])
        #expect(log.changed([]) == [.noAddresses])
        #expect(log.stillWaiting() == [])
        #expect(log.changed(["a:1"]) == [.addressesAgain, .addresses(["a:1"])])
    }

    @Test func theStartThatDoesNotWait() {
        var log = AddressLog(startWaits: false)
        #expect(log.changed([]) == [.noAddresses])
        #expect(log.stillWaiting() == [])
        #expect(log.changed([]) == [])
        #expect(log.changed(["a:1"]) == [.addressesAgain, .addresses(["a:1"])])
    }

    @Test(arguments: [true, false]) func addressesFromTheBeginning(_ waits: Bool) {
        var log = AddressLog(startWaits: waits)
        #expect(log.changed(["a:1"]) == [.addresses(["a:1"])])
        #expect(log.changed(["a:1"]) == [])
        #expect(log.changed(["a:1", "b:2"]) == [.addresses(["a:1", "b:2"])])
        #expect(log.stillWaiting() == [])
    }

    @Test func theWords() {
        let lines: [AddressLog.Line] = [.noAddresses, .addressesAgain, .gotAddresses, .addresses(["a:1", "b:2"])]
        #expect(
            lines.map { $0.text("zookeeper.example.com:2181", "/databases/demo") } == [
                "No addresses from <zookeeper.example.com:2181/databases/demo>",
                "OK: Addresses from <zookeeper.example.com:2181/databases/demo>",
                "OK: Got addresses from <zookeeper.example.com:2181/databases/demo>",
                "Addresses from <zookeeper.example.com:2181/databases/demo>: ['a:1', 'b:2']",
            ]
        )
        #expect(lines.map(\.isWarning) == [true, true, true, false])
    }
}
