//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// The sessions that live, with or without a connection.
///
/// A session ends in three ways: its client closes it, its time runs out without a sign of life, or a test kills it. Times are milliseconds
/// of a clock that never steps back.
struct SessionTable {
    struct Session: Equatable {
        let id: Int64
        let password: [UInt8]
        /// In milliseconds, as negotiated on the latest connection.
        var timeout: Int64
        /// When it ends, unless its client is heard before.
        var deadline: Int64
    }

    private var sessions: [Int64: Session] = [:]
    private var nextID: Int64
    private let tickTime: Int64
    private let timeouts: ClosedRange<Int64>

    /// `firstID` must differ between servers that one client may meet.
    init(firstID: Int64, tickTime: Int64, timeouts: ClosedRange<Int64>) {
        self.nextID = firstID
        self.tickTime = tickTime
        self.timeouts = timeouts
    }

    var ids: [Int64] { self.sessions.keys.sorted() }

    var count: Int { self.sessions.count }

    subscript(id: Int64) -> Session? { self.sessions[id] }

    mutating func open(timeout wanted: Int32, password: [UInt8], now: Int64) -> Session {
        let timeout = self.negotiated(wanted)
        let session = Session(
            id: self.nextID,
            password: password,
            timeout: timeout,
            deadline: self.deadline(timeout, now)
        )
        self.nextID += 1
        self.sessions[session.id] = session
        return session
    }

    /// The session for a client that comes back; nil if it has ended, or the client is not its owner.
    mutating func resume(_ id: Int64, password: [UInt8], timeout wanted: Int32, now: Int64) -> Session? {
        guard var session = self.sessions[id], session.password == password else { return nil }
        session.timeout = self.negotiated(wanted)
        session.deadline = self.deadline(session.timeout, now)
        self.sessions[id] = session
        return session
    }

    /// Notes a sign of life.
    mutating func touch(_ id: Int64, now: Int64) {
        guard let timeout = self.sessions[id]?.timeout else { return }
        let deadline = self.deadline(timeout, now)
        self.sessions[id]?.deadline = deadline
    }

    /// Gives every session its whole time again, as a server does that was away.
    mutating func touchAll(now: Int64) {
        for id in Array(self.sessions.keys) { self.touch(id, now: now) }
    }

    @discardableResult
    mutating func end(_ id: Int64) -> Bool {
        self.sessions.removeValue(forKey: id) != nil
    }

    /// The sessions whose time is over.
    func overdue(now: Int64) -> [Int64] {
        self.sessions.values.filter { $0.deadline <= now }.map(\.id).sorted()
    }

    private func negotiated(_ wanted: Int32) -> Int64 {
        min(max(Int64(wanted), self.timeouts.lowerBound), self.timeouts.upperBound)
    }

    /// ZooKeeper lets sessions end at whole ticks only, never early.
    private func deadline(_ timeout: Int64, _ now: Int64) -> Int64 {
        ((now + timeout) / self.tickTime + 1) * self.tickTime
    }
}
