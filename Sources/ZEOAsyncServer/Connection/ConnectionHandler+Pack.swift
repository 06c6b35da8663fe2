//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import ZEOProtocol
import ZODBFormat
import ZODBStorage

// Packs: on threads of their own, whether the client waits for the end or not, and beyond the client's own end.
extension ConnectionHandler {
    func pack(_ message: ClientMessage, before time: Double, isWaited: Bool) {
        guard let served = self.registration?.served else { return }
        self.log(.info, "pack(time=\(time)) started...")
        let bound = self.bound
        let logger = self.server.logger
        let label = self.label
        let request = PackRequest(before: TransactionID(secondsSince1970: time)) { served.packs.advanced(to: $0) }
        self.server.walks.start(on: WalkExecutor.shared) {
            let failure: RemoteException?
            do {
                try await served.storage.pack(request)
                served.packs.completed()
                if served.local == nil { try? await served.refreshStatistics() }
                logger.info("(\(label)) pack(time=\(time)) complete")
                failure = nil
            } catch {
                // Another pack may be under way, which is not over.
                if (error as? StorageError)?.code != .packing { served.packs.ended() }
                failure = RemoteException(error)
                if !isWaited { logger.error("(\(label)) 'pack' raised exception: \(RemoteException(error))") }
            }
            if failure == nil { served.log.informAll() }
            guard isWaited else { return }
            bound.execute { handler in
                if let failure {
                    handler.fail(message, failure)
                } else {
                    handler.answer(message, .none)
                }
                handler.flushUnlessReading()
            }
        }
        if !isWaited { self.answer(message, .none) }
    }
}
