//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import ZEOProtocol
import ZODBFormat

@testable import ZEOAsyncServer

/// What a connection may say when.
@Suite struct ConnectionStateMachineTests {
    private let register = ServerCall.register(storage: "1", isReadOnly: false)

    private func greeted(_ greeting: String = "Z5") -> ConnectionStateMachine {
        var machine = ConnectionStateMachine()
        _ = machine.received(frame: ByteBuffer(string: greeting))
        return machine
    }

    private func registered() -> ConnectionStateMachine {
        var machine = self.greeted()
        _ = machine.received(self.register)
        machine.registered()
        return machine
    }

    @Test func theGreetingDecidesTheFormat() {
        #expect(self.greeted("Z5").format == .pickle)
        #expect(self.greeted("M5").format == .messagePack)
        var machine = ConnectionStateMachine()
        expect(machine.received(frame: ByteBuffer(string: "M5")), .greeted(.messagePack))
        expect(machine.received(frame: ByteBuffer(string: "Z5")), .decode(.messagePack))
    }

    @Test(arguments: ["", "Z", "Z4", "Z50", "5", "ruok?", "GET / HTTP/1.1"])
    func otherGreetingsAreRefused(greeting: String) {
        var machine = ConnectionStateMachine()
        guard case .refuse = machine.received(frame: ByteBuffer(string: greeting)) else {
            Issue.record("not refused")
            return
        }
        #expect(machine.isClosed)
        expect(machine.received(frame: ByteBuffer(string: "Z5")), .ignore)
    }

    @Test func monitorsAreToldTheHealthAndNothingElse() {
        var machine = ConnectionStateMachine()
        expect(machine.received(frame: ByteBuffer(string: "ruok")), .tellHealth)
        expect(machine.received(frame: ByteBuffer(string: "ruok")), .ignore)
    }

    @Test func registrationComesFirst() {
        for call in [
            ServerCall.ping, .getInfo, .other(method: "x", arguments: []), .malformed(method: "register", problem: ""),
        ] {
            var machine = self.greeted()
            expect(machine.received(call), .refuse(method: call.method))
            #expect(machine.isClosed)
        }
        var machine = self.greeted()
        expect(machine.received(.keepAlive), .ignore)
        expect(machine.received(self.register), .register(storage: "1", isReadOnly: false))
        // As long as it does not succeed it may be tried again.
        expect(machine.received(self.register), .register(storage: "1", isReadOnly: false))
        machine.registered()
        expect(machine.received(.ping), .answer)
    }

    @Test func registrationComesOnce() {
        var machine = self.registered()
        expect(machine.received(self.register), .refuse(method: "register"))
        expect(machine.received(.ping), .ignore)
    }

    @Test func methodsOfNobodyAreRefused() {
        var machine = self.registered()
        expect(machine.received(.malformed(method: "vote", problem: "p")), .answerMalformed(problem: "p"))
        expect(machine.received(.other(method: "shutdown", arguments: [])), .refuse(method: "shutdown"))
        #expect(machine.isClosed)
    }
}
