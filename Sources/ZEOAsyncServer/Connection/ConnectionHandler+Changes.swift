//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import ZEOProtocol
import ZODBFormat
import ZODBStorage

// What has changed while a client was away.
extension ConnectionHandler {
    func getInvalidations(_ message: ClientMessage, after tid: TransactionID) {
        guard let registration = self.registration else { return }
        let seen = registration.seen
        if let oids = registration.served.log.changes(after: tid, through: seen) {
            self.logInvalidations(oids.count, seen)
            return self.answer(message, .invalidations(seen, oids))
        }
        guard let age = self.server.configuration.invalidationAge,
            WallTime.now.seconds - tid.secondsSince1970 < age / .seconds(1)
        else {
            self.log(.info, "tid to old for invq \(tid.rawValue)")
            return self.answer(message, .none)
        }
        let storage = registration.served.storage
        let format = registration.format
        let limit = self.server.configuration.maximumAnswerSize
        let bound = self.bound
        self.server.walks.start(on: WalkExecutor.shared) {
            let transactions = try? await storage.recentTransactions(after: tid, limit: .max)
            // The client has not been told of those after `seen` yet. But one of them may stand for earlier ones.
            let oids = transactions.map { Set($0.lazy.flatMap(\.oids)).sorted() }
            let reply = oids.map { Reply.invalidations(seen, $0) } ?? .none
            let answer = Result { () throws(FormatError) in
                try WalkAnswer(.reply(reply), to: message.id, format, limit: limit)
            }
            bound.execute { handler in
                if let oids { handler.logInvalidations(oids.count, seen) }
                switch answer {
                case .success(let answer):
                    if let frame = answer.frame { handler.answer(message, frame: frame) }
                case .failure(let error):
                    handler.fail(message, RemoteException(error))
                }
                handler.flushUnlessReading()
            }
        }
    }

    private func logInvalidations(_ count: Int, _ tid: TransactionID) {
        self.log(.info, "Return \(count) invalidations up to tid \(tid.rawValue)")
    }
}
