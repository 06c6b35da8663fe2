//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Synchronization
import ZODBFormat
import ZODBStorage

/// What one connection has not yet heard about, since its last snapshot.
///
/// Guarded by `news`, which the storage's thread adds to and the connection takes away.
final class InvalidationInbox: Sendable {
    struct News {
        /// The last visible transaction.
        var last: TransactionID
        /// The objects that were written, each with the last transaction that wrote it.
        var written: [ObjectID: TransactionID] = [:]
        /// Whether everything that is known about objects is doubtful.
        var isLost = false

        /// Adds what came later.
        mutating func merge(_ later: News) {
            self.last = later.isLost ? later.last : max(self.last, later.last)
            self.isLost = self.isLost || later.isLost
            self.written.merge(later.written) { max($0, $1) }
        }
    }

    /// A connection that is left alone for long rather starts over than remembers more than this.
    private static let limit = 100_000

    private let news: Mutex<News>

    init(at tid: TransactionID) {
        self.news = Mutex(News(last: tid))
    }

    func append(_ transaction: CommittedTransaction) {
        self.news.withLock { news in
            news.last = max(news.last, transaction.tid)
            guard !news.isLost else { return }
            for oid in transaction.oids { news.written[oid] = transaction.tid }
            if news.written.count > Self.limit {
                news.isLost = true
                news.written = [:]
            }
        }
    }

    func lostTrack(now tid: TransactionID) {
        self.news.withLock { $0 = News(last: tid, isLost: true) }
    }

    /// Everything since the last call.
    func take() -> News {
        self.news.withLock { news in
            let taken = news
            news = News(last: taken.last)
            return taken
        }
    }
}
