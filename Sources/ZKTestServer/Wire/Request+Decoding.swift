//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

extension Greeting {
    /// Reads a ConnectRequest: 44 bytes with a password of 16, and perhaps one byte more.
    init(frame: ByteBuffer) throws(MalformedFrame) {
        var reader = JuteReader(frame)
        _ = try reader.int()
        let lastZxidSeen = try reader.long()
        let timeout = try reader.int()
        let sessionID = try reader.long()
        let password = try reader.bytes() ?? []
        let hasReadOnlyByte = !reader.isAtEnd
        if hasReadOnlyByte { _ = try reader.bool() }
        self.init(
            lastZxidSeen: lastZxidSeen,
            timeout: timeout,
            sessionID: sessionID,
            password: password,
            hasReadOnlyByte: hasReadOnlyByte
        )
    }
}

extension Request {
    /// Reads a request: its header, and as much behind it as the operation needs. What is behind that is not looked at.
    ///
    /// Throws only where the header is short; a body that makes no sense is an operation too.
    init(frame: ByteBuffer) throws(MalformedFrame) {
        var reader = JuteReader(frame)
        let xid = try reader.int()
        let code = try reader.int()
        do {
            self.init(xid: xid, operation: try Operation(code: code, reader: &reader))
        } catch {
            self.init(xid: xid, operation: .malformed(error.reason))
        }
    }
}

extension Operation {
    fileprivate init(code: Int32, reader: inout JuteReader) throws(MalformedFrame) {
        switch OperationCode(rawValue: code) {
        case .create, .create2, .createContainer, .createTTL, .delete, .setData, .setACL, .check:
            self = .write(try Write(code: code, reader: &reader))
        case .exists, .getData, .getChildren, .getChildren2, .getACL, .getAllChildrenNumber:
            self = .read(try Read(code: code, reader: &reader))
        case .multi:
            self = .multi(
                try reader.operations { code, reader throws(MalformedFrame) in
                    // Access lists cannot be set together with other things.
                    if code == OperationCode.setACL.rawValue { throw MalformedFrame(reason: "no such part of a multi") }
                    return try Write(code: code, reader: &reader).asPart
                }
            )
        case .multiRead:
            self = .multiRead(
                try reader.operations { code, reader throws(MalformedFrame) in
                    guard [OperationCode.getData.rawValue, OperationCode.getChildren.rawValue].contains(code) else {
                        throw MalformedFrame(reason: "no such part of a multiRead")
                    }
                    return try Read(code: code, reader: &reader)
                }
            )
        case .ping: self = .ping
        case .closeSession: self = .closeSession
        case .sync: self = .sync(ZNodePath(try reader.string()))
        case .auth:
            _ = try reader.int()
            let scheme = try reader.string()
            guard let credential = try reader.bytes() else { throw MalformedFrame(reason: "no credential") }
            self = .authenticate(scheme: scheme, credential: credential)
        case .setWatches: self = .setWatches(try WatchRenewal(reader: &reader, isSecondForm: false))
        case .setWatches2: self = .setWatches(try WatchRenewal(reader: &reader, isSecondForm: true))
        case .addWatch: self = .addWatch(try reader.path(), mode: try reader.int())
        case .checkWatches: self = .checkWatches(try reader.path(), kind: try reader.int())
        case .removeWatches: self = .removeWatches(try reader.path(), kind: try reader.int())
        case .getEphemerals: self = .ephemerals(prefix: try reader.string())
        case .whoAmI: self = .whoAmI
        case .reconfigure: self = .reconfigure
        case .error, nil: self = .unknown(code)
        }
    }
}

extension Write {
    fileprivate init(code: Int32, reader: inout JuteReader) throws(MalformedFrame) {
        switch OperationCode(rawValue: code) {
        case .create, .create2, .createContainer, .createTTL:
            let creation = Creation(
                path: try reader.path(),
                data: try reader.bytes(),
                acl: try reader.acl(),
                mode: try reader.int(),
                timeToLive: code == OperationCode.createTTL.rawValue ? try reader.long() : nil,
                wantsStat: code != OperationCode.create.rawValue
            )
            self = .create(creation)
        case .delete: self = .delete(try reader.path(), version: try reader.int())
        case .setData: self = .setData(try reader.path(), try reader.bytes(), version: try reader.int())
        case .setACL: self = .setACL(try reader.path(), try reader.acl(), version: try reader.int())
        case .check: self = .check(try reader.path(), version: try reader.int())
        default: throw MalformedFrame(reason: "no such part of a multi")
        }
    }

    /// The write as ZooKeeper understands it within a multi, where a creation's kind goes by its mode alone.
    fileprivate var asPart: Write {
        guard case .create(var creation) = self else { return self }
        creation.wantsStat = creation.mode >= 4
        if creation.mode < 5 { creation.timeToLive = nil }
        return .create(creation)
    }
}

extension Read {
    fileprivate init(code: Int32, reader: inout JuteReader) throws(MalformedFrame) {
        switch OperationCode(rawValue: code) {
        case .exists: self = .exists(try reader.path(), watch: try reader.bool())
        case .getData: self = .data(try reader.path(), watch: try reader.bool())
        case .getChildren: self = .children(try reader.path(), watch: try reader.bool(), wantsStat: false)
        case .getChildren2: self = .children(try reader.path(), watch: try reader.bool(), wantsStat: true)
        case .getACL: self = .acl(try reader.path())
        case .getAllChildrenNumber: self = .countDescendants(try reader.path())
        default: throw MalformedFrame(reason: "no such part of a multiRead")
        }
    }
}

extension WatchRenewal {
    fileprivate init(reader: inout JuteReader, isSecondForm: Bool) throws(MalformedFrame) {
        self.init(
            relativeZxid: try reader.long(),
            data: try reader.paths(),
            exists: try reader.paths(),
            children: try reader.paths()
        )
        if isSecondForm {
            self.persistent = try reader.paths()
            self.recursive = try reader.paths()
        }
    }
}

extension JuteReader {
    fileprivate mutating func paths() throws(MalformedFrame) -> [ZNodePath] {
        try self.vector(smallest: 4) { reader throws(MalformedFrame) in try reader.path() }
    }

    fileprivate mutating func acl() throws(MalformedFrame) -> [ACLEntry] {
        try self.vector(smallest: 12) { reader throws(MalformedFrame) in
            ACLEntry(
                permissions: Permissions(rawValue: try reader.int()),
                identity: Identity(scheme: try reader.string(), id: try reader.string())
            )
        }
    }

    /// The parts of a multi, each behind a header of its own, until a header says "done".
    fileprivate mutating func operations<Part>(
        _ part: (Int32, inout JuteReader) throws(MalformedFrame) -> Part
    ) throws(MalformedFrame) -> [Part] {
        var parts: [Part] = []
        while true {
            let code = try self.int()
            let isDone = try self.bool()
            _ = try self.int()
            if isDone { return parts }
            parts.append(try part(code, &self))
        }
    }
}
