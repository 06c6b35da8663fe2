//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import ZODBFormat

// The results of calls: made by servers, read by clients. Each reading function throws the remote exception when the
// answer is one, and `FormatError` when it is not an answer to that call.
extension Reply {
    /// The answer `None`.
    public static let none = Reply.value(.none)

    /// A tid as answer.
    public static func tid(_ tid: TransactionID) -> Reply { .value(.wire(tid)) }

    /// A record as answer.
    public static func data(_ data: ByteBuffer) -> Reply { .value(.bytes(data)) }

    /// A list of objects as answer.
    public static func objectIDs(_ oids: [ObjectID]) -> Reply { .value(.list(oids.map { .wire($0) })) }

    /// One object as answer.
    public static func objectID(_ oid: ObjectID) -> Reply { .value(.wire(oid)) }

    /// What has changed, as answer to `getInvalidations`.
    public static func invalidations(_ tid: TransactionID, _ oids: [ObjectID]) -> Reply {
        .value(.tuple([.wire(tid), .list(oids.map { .wire($0) })]))
    }

    /// The answer to a vote.
    public static func vote(_ items: [VoteItem]) -> Reply {
        .value(
            .list(
                items.map { item in
                    switch item {
                    case .resolved(let oid): .wire(oid)
                    case .conflict(let conflict):
                        .wire([
                            "oid": .wire(conflict.oid),
                            "serials": .tuple([.wire(conflict.committed), .wire(conflict.read)]),
                            "data": .bytes(conflict.data),
                        ])
                    }
                }
            )
        )
    }

    /// The result as a plain value.
    public func plainValue() throws -> PickleValue {
        switch self {
        case .value(let value): return value
        case .revision(let revision):
            let next = revision.next.map { PickleValue.wire($0) } ?? .none
            return .tuple([.bytes(revision.data), .wire(revision.tid), next])
        case .exception(let exception): throw exception
        }
    }

    /// The answer to `loadBefore`.
    public func loadedRevision() throws -> LoadedRevision? {
        if case .revision(let revision) = self { return revision }
        let value = try self.plainValue()
        if value == .none { return nil }
        guard let parts = value.wireElements, parts.count == 3, let data = parts[0].wireBytes,
            let tid = parts[1].wireTID, let next = parts[2].wireTID
        else { throw Self.unexpected("a revision", value) }
        return LoadedRevision(data: data, tid: tid, next: parts[2] == .none ? nil : next)
    }

    /// The answer to `lastTransaction`, `register`, `getTid` and `tpc_finish`; `None` where there is no tid.
    public func transactionID() throws -> TransactionID? {
        let value = try self.plainValue()
        if value == .none { return nil }
        guard let tid = value.wireTID else { throw Self.unexpected("a tid", value) }
        return tid
    }

    /// The answer to `loadSerial`.
    public func record() throws -> ByteBuffer {
        let value = try self.plainValue()
        guard let data = value.wireBytes else { throw Self.unexpected("a record", value) }
        return data
    }

    /// The answer to `new_oids`.
    public func objectIDs() throws -> [ObjectID] {
        let value = try self.plainValue()
        guard let oids = value.wireOIDs else { throw Self.unexpected("objects", value) }
        return oids
    }

    /// The answer to `getInvalidations`; `nil` when the client has been away too long.
    public func invalidations() throws -> (last: TransactionID, oids: [ObjectID])? {
        let value = try self.plainValue()
        if value == .none { return nil }
        guard let parts = value.wireElements, parts.count == 2, let tid = parts[0].wireTID,
            let oids = parts[1].wireOIDs
        else { throw Self.unexpected("invalidations", value) }
        return (tid, oids)
    }

    /// The answer to `vote`.
    public func voteItems() throws -> [VoteItem] {
        let value = try self.plainValue()
        if value == .none { return [] }
        guard let elements = value.wireElements else { throw Self.unexpected("a vote", value) }
        return try elements.map { element in
            if let oid = element.wireOID { return .resolved(oid) }
            guard let items = element.wireItems, let oid = items[wire: "oid"]?.wireOID,
                let serials = items[wire: "serials"]?.wireElements, serials.count == 2,
                let committed = serials[0].wireTID, let read = serials[1].wireTID,
                let data = items[wire: "data"]?.wireBytes
            else { throw Self.unexpected("a vote", element) }
            return .conflict(ConflictReport(oid: oid, committed: committed, read: read, data: data))
        }
    }

    /// The answer to `get_info`.
    public func serverInformation() throws -> ServerInformation {
        let value = try self.plainValue()
        guard let items = value.wireItems, let information = ServerInformation(items) else {
            throw Self.unexpected("facts about a storage", value)
        }
        return information
    }

    static func unexpected(_ wanted: String, _ value: PickleValue) -> FormatError {
        FormatError("reply", "\(wanted) was expected, not \(String(String(describing: value).prefix(200)))")
    }
}
