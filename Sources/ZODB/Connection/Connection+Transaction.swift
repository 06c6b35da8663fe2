//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import ZODBFormat
import ZODBStorage

extension Connection {
    /// Begins a transaction with the newest snapshot. Objects that the program holds are brought up to date.
    ///
    /// Throws `StorageError.invalidArgument` when there are changes: commit or abort them first.
    public func begin() async throws {
        try self.checkUnchanged()
        self.current = nil
        try await self.refresh()
        self.cache.shrink()
    }

    /// Forgets the changes of the transaction and ends it.
    ///
    /// A new one begins at once where the storage is in reach, otherwise with the next access.
    public func abort() async {
        for object in self.changed { object.revert() }
        self.changed = []
        self.forgetSaved()
        self.current = nil
        // The changes are gone either way; what fails here fails again at the next access, and is heard there.
        if !self.isClosed { try? await self.begin() }
    }

    /// Demands that `object` still be as it was read when the transaction commits, though the transaction does not
    /// change it. Otherwise the commit throws `StorageError.readConflict`.
    ///
    /// Throws `StorageError.invalidArgument` for an object of another connection, and when no transaction is going on.
    public func readCurrent(_ object: PersistentObject) throws {
        guard let oid = object.oid, object.connection === self else {
            throw StorageError(.invalidArgument, "the object is not one of this connection", oid: object.oid)
        }
        guard self.current != nil else {
            throw StorageError(.invalidArgument, "no transaction is going on in this connection", oid: oid)
        }
        // A new object is nobody else's to change.
        if object.serial != .zero { self.current?.mustBeCurrent[oid] = object.serial }
    }

    /// Says something about the transaction that is going on, for the people who read the history.
    ///
    /// - Parameters:
    ///   - user: Who commits it; `nil` to leave that as it is.
    ///   - note: What it does; added to what was said before, on a line of its own.
    ///   - extended: Anything else, by name.
    /// - Throws: `StorageError.invalidArgument` when no transaction is going on.
    public func annotate(user: String? = nil, note: String? = nil, extended: [String: PickleValue] = [:]) throws {
        guard var transaction = self.current else {
            throw StorageError(.invalidArgument, "no transaction is going on in this connection")
        }
        if let user { transaction.user = user }
        if let note { transaction.note += transaction.note.isEmpty ? note : "\n" + note }
        transaction.extended.merge(extended) { $1 }
        self.current = transaction
    }

    /// Runs `body` in a new transaction and commits what it changed.
    ///
    /// When somebody else has changed the same objects in the meantime, everything is forgotten and `body` runs again,
    /// at most `attempts` times, with pauses that grow; so `body` must do nothing but read and change objects. Other
    /// errors, a lost connection among them, end it: after a `StorageError.disconnected` from the commit itself it is not
    /// known whether the changes were stored.
    ///
    /// - Parameters:
    ///   - user: Who commits it.
    ///   - note: What it does, for the people who read the history.
    ///   - attempts: How often `body` may run.
    ///   - body: Reads and changes objects, beginning at the root.
    /// - Returns: What `body` returned in the run that was committed.
    public func transaction<Result>(
        user: String = "",
        note: String = "",
        attempts: Int = 10,
        _ body: (PersistentMapping) async throws -> Result
    ) async throws -> Result {
        try self.checkUnchanged()
        try self.occupy()
        defer { self.isOccupied = false }
        var attempt = 1
        while true {
            do {
                try await self.begin()
                self.current?.user = user
                self.current?.note = note
                let result = try await body(self.root())
                _ = try await self.commitChanges()
                return result
            } catch let error as StorageError where error.isConflict && attempt < attempts {
                await self.abort()
                // Whoever lost the race waits a little, so that several losers do not meet again at once.
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...(1 << min(attempt, 8)))))
                attempt += 1
            } catch {
                await self.abort()
                throw error
            }
        }
    }

    /// Runs `body` in a new transaction and forgets whatever it changed.
    public func read<Result>(_ body: (PersistentMapping) async throws -> Result) async throws -> Result {
        try self.checkUnchanged()
        try self.occupy()
        defer { self.isOccupied = false }
        do {
            try await self.begin()
            let result = try await body(self.root())
            if self.hasChanges { await self.abort() }
            return result
        } catch {
            await self.abort()
            throw error
        }
    }

    /// Stores the changes of the transaction and ends it. A new one begins as with `abort()`.
    ///
    /// - Parameters:
    ///   - user: Who commits it.
    ///   - note: What it does, for the people who read the history.
    /// - Returns: The identifier of the transaction; `nil` when there was nothing to store.
    /// - Throws: `StorageError.conflict` or `.readConflict` when others were first: abort, and do it again.
    @discardableResult
    public func commit(user: String = "", note: String = "") async throws -> TransactionID? {
        try self.occupy()
        defer { self.isOccupied = false }
        // An object in the program's hands can be changed before anything has begun a transaction.
        if self.current == nil, !self.changed.isEmpty { try await self.refresh() }
        if !user.isEmpty { self.current?.user = user }
        if !note.isEmpty { self.current?.note = note }
        return try await self.commitChanges()
    }

    private func checkUnchanged() throws {
        try self.checkOpen()
        guard !self.hasChanges else {
            throw StorageError(.invalidArgument, "there are changes that were neither committed nor aborted")
        }
    }

    /// Several tasks of one isolation may hold a connection and interleave at every `await`; a transaction is one's own.
    private func occupy() throws {
        try self.checkOpen()
        guard !self.isOccupied else {
            throw StorageError(.invalidArgument, "a transaction is going on in this connection")
        }
        self.isOccupied = true
    }
}

extension StorageError {
    /// Whether somebody else was first, so that doing everything again may succeed.
    var isConflict: Bool { self.code == .conflict || self.code == .readConflict }
}
