//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import ZEOProtocol
import ZODBFormat
import ZODBStorage

// What a client says, and who answers it.
extension ConnectionHandler {
    func received(frame: ByteBuffer) {
        switch self.machine.received(frame: frame) {
        case .ignore:
            break
        case .greeted(let format):
            self.log(.info, "received handshake '\(Greeting.version5(format).body)'")
        case .refuse(let error):
            self.log(.error, "bad handshake: \(error)")
            self.close()
        case .tellHealth:
            let report = self.server.healthReport()
            self.sendLast { SizedFrame.write(report.utf8, into: &$0) }
        case .decode(let format):
            do {
                self.received(try format.decodeClientMessage(frame))
            } catch {
                self.log(.error, "Can't deserialize message: \(error)")
                self.close()
            }
        }
    }

    func received(_ message: ClientMessage) {
        self.clock.began(message)
        defer { self.report(self.clock.returned()) }
        switch self.machine.received(message.call) {
        case .ignore:
            break
        case .refuse(let method):
            self.log(.error, "Invalid method, '\(method)'")
            self.close()
        case .answerMalformed(let problem):
            self.fail(message, RemoteException("builtins.TypeError", .string(problem)))
        case .register(let storage, let isReadOnly):
            self.register(message, storage: storage, isReadOnly: isReadOnly)
        case .answer:
            // Freshness: whatever anybody has been told is finished is told to this client before its call is answered.
            self.catchUp()
            self.perform(message)
        }
    }

    private func register(_ message: ClientMessage, storage name: String, isReadOnly: Bool) {
        guard let served = self.server.storage(named: name) else {
            self.log(.info, "unknown storage_id: \(name)")
            return self.fail(message, RemoteException("builtins.ValueError", .string("unknown storage: \(name)")))
        }
        let mayNotWrite = self.server.configuration.isReadOnly || served.storage.traits.isReadOnly
        guard isReadOnly || !mayNotWrite else { return self.fail(message, .readOnlyError) }
        guard let format = self.machine.format, let context = self.context else { return }
        let bound = self.bound
        let (subscription, seen) = served.log.subscribe(
            on: context.eventLoop,
            catchUp: { bound.value.wakeUp() },
            lostTrack: { bound.value.lostTrack() },
            inform: { bound.value.inform() }
        )
        self.registration = Registration(served: served, subscription: subscription, format: format, seen: seen)
        self.commit.isReadOnly = isReadOnly || mayNotWrite
        self.machine.registered()
        self.answer(message, .tid(seen))
    }

    private func perform(_ message: ClientMessage) {
        guard let registration = self.registration else { return }
        let served = registration.served
        switch message.call {
        case .ping:
            self.answer(message, .none)
        case .lastTransaction:
            self.answer(message, .tid(registration.seen))
        case .loadBefore(let oid, let tid):
            served.statistics.loads.increment()
            self.read(.loadBefore(oid, tid), for: message)
        case .loadSerial(let oid, let tid):
            self.read(.loadSerial(oid, tid), for: message)
        case .getTid(let oid):
            self.read(.getTid(oid), for: message)
        case .getInfo:
            self.read(.information, for: message)
        case .getInvalidations(let tid):
            self.getInvalidations(message, after: tid)
        case .history, .undoLog, .undoInfo, .currentRecord, .iteratorStart, .iteratorNext, .iteratorRecordStart,
            .iteratorRecordNext, .iteratorsDropped:
            self.walk(message)
        case .pack(let time, let isWaited):
            self.pack(message, before: time, isWaited: isWaited)
        case .sendBlob:
            self.sendBlob(message)
        case .newObjectIDs(let count):
            guard !self.commit.isReadOnly else { return self.fail(message, .readOnlyError) }
            self.read(.newObjectIDs(min(max(count, 1), 100)), for: message)
        case .newObjectID:
            guard !self.commit.isReadOnly else { return self.fail(message, .readOnlyError) }
            self.read(.newObjectID, for: message)
        case .serverStatus:
            let status = StorageStatus(
                served,
                lastTransaction: registration.seen,
                hasTimeout: self.server.configuration.transactionTimeout != nil
            )
            self.answer(message, status.reply)
        case .setClientLabel(let label):
            self.relabel(label)
            self.answer(message, .none)
        case .begin, .store, .storeBlobStart, .storeBlobChunk, .storeBlobEnd, .storeBlobShared, .restore, .delete,
            .undo, .checkCurrent, .vote, .finish,
            .abort:
            self.performInOrder(message)
        case .aboutNoObject:
            self.fail(message, RemoteException(RemoteException.posKeyErrorName, .none))
        case .register, .keepAlive, .other, .malformed:
            preconditionFailure("The state machine has dealt with these.")
        }
    }

    // MARK: Answers

    /// Answers a call, if it wants an answer. A call whose answer would be too long fails.
    func answer(_ message: ClientMessage, _ reply: Reply) {
        guard !message.isAsynchronous, let format = self.machine.format else { return }
        let limit = self.server.configuration.maximumAnswerSize
        do {
            try self.write { try format.encode(.reply(message.id, reply), into: &$0, limit: limit) }
            self.report(self.clock.answered(message.id))
        } catch {
            self.fail(message, RemoteException(error))
        }
    }

    /// Answers a call, if it wants an answer, with a frame that was made elsewhere.
    func answer(_ message: ClientMessage, frame: ByteBuffer) {
        guard !message.isAsynchronous else { return }
        self.write(frame: frame)
        self.report(self.clock.answered(message.id))
    }

    /// Answers a call with something short.
    func answer(_ id: MessageID, _ reply: Reply) {
        self.say(.reply(id, reply))
        self.report(self.clock.answered(id))
    }

    /// Calls the client.
    func callClient(_ call: ClientCall) {
        self.say(.call(call))
    }

    private func say(_ message: ServerMessage) {
        guard let format = self.machine.format else { return }
        do {
            try self.write { try format.encode(message, into: &$0) }
        } catch {
            // An identity of that length is all that can be the reason.
            self.log(.error, "can't write message: \(error)")
            self.close()
        }
    }

    /// A call has failed. Where nobody waits for an answer there is no way to say so but to close.
    func fail(_ message: ClientMessage, _ exception: RemoteException) {
        self.clock.failed(message.call)
        if !exception.isCommonplace {
            let kind = message.isAsynchronous ? "async " : ""
            self.log(.error, "\(kind)'\(message.call.method)' raised exception: \(exception)")
        }
        if message.isAsynchronous {
            self.close()
        } else {
            self.answer(message.id, .exception(exception))
        }
    }

    /// Logs a call that took long.
    private func report(_ call: CallClock.SlowCall?) {
        guard let call else { return }
        let milliseconds = String(call.nanoseconds / 1_000_000 % 1000)
        let seconds = "\(call.nanoseconds / 1_000_000_000)." + String(repeating: "0", count: 3 - milliseconds.count)
        self.log(.warning, "slow: '\(call.method.name)' took \(seconds)\(milliseconds) seconds")
    }
}
