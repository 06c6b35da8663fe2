//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

extension Outgoing {
    /// The frame to send, its length in front.
    var frame: ByteBuffer {
        var writer = JuteWriter()
        switch self {
        case .welcome(let welcome):
            writer.int(0)
            writer.int(welcome.timeout)
            writer.long(welcome.sessionID)
            writer.bytes(welcome.password)
            if welcome.hasReadOnlyByte { writer.bool(false) }
        case .event(let event):
            writer.header(xid: -1, zxid: -1, code: .ok)
            writer.int(event.kind.rawValue)
            // The state "connected".
            writer.int(3)
            writer.string(event.path.text)
        case .reply(let reply):
            writer.header(xid: reply.xid, zxid: reply.zxid, code: reply.code)
            writer.body(reply.body)
        }
        return writer.frame
    }
}

extension JuteWriter {
    fileprivate mutating func header(xid: Int32, zxid: Int64, code: ZooKeeperCode) {
        self.int(xid)
        self.long(zxid)
        self.int(code.rawValue)
    }

    fileprivate mutating func body(_ body: Reply.Body) {
        switch body {
        case .none: break
        case .path(let path): self.string(path)
        case .pathAndStat(let path, let stat):
            self.string(path)
            self.stat(stat)
        case .stat(let stat): self.stat(stat)
        case .data(let data, let stat):
            self.bytes(data)
            self.stat(stat)
        case .children(let names), .strings(let names): self.strings(names)
        case .childrenAndStat(let names, let stat):
            self.strings(names)
            self.stat(stat)
        case .acl(let entries, let stat):
            self.vector(entries) { writer, entry in
                writer.int(entry.permissions.rawValue)
                writer.string(entry.identity.scheme)
                writer.string(entry.identity.id)
            }
            self.stat(stat)
        case .count(let count): self.int(count)
        case .identities(let identities):
            self.vector(identities) { writer, identity in
                writer.string(identity.scheme)
                // Of a digest only the user is shown.
                let user = identity.id.prefix { identity.scheme != "digest" || $0 != ":" }
                writer.string(String(user))
            }
        case .code(let code): self.int(code.rawValue)
        case .results(let results):
            for result in results { self.result(result) }
            self.partHeader(.error, isDone: true, code: -1)
        }
    }

    private mutating func result(_ result: Reply.Result) {
        switch result {
        case .created(let path):
            self.partHeader(.create)
            self.string(path)
        case .createdWithStat(let path, let stat):
            self.partHeader(.create2)
            self.string(path)
            self.stat(stat)
        case .deleted: self.partHeader(.delete)
        case .checked: self.partHeader(.check)
        case .changed(let stat):
            self.partHeader(.setData)
            self.stat(stat)
        case .data(let data, let stat):
            self.partHeader(.getData)
            self.bytes(data)
            self.stat(stat)
        case .children(let names):
            self.partHeader(.getChildren)
            self.strings(names)
        case .failed(let code):
            self.partHeader(.error, code: code.rawValue)
            self.int(code.rawValue)
        }
    }

    private mutating func partHeader(_ operation: OperationCode, isDone: Bool = false, code: Int32 = 0) {
        self.int(operation.rawValue)
        self.bool(isDone)
        self.int(code)
    }

    private mutating func strings(_ strings: [String]) {
        self.vector(strings) { writer, string in writer.string(string) }
    }

    private mutating func stat(_ stat: ZNodeStat) {
        self.long(stat.czxid)
        self.long(stat.mzxid)
        self.long(stat.ctime)
        self.long(stat.mtime)
        self.int(stat.version)
        self.int(stat.cversion)
        self.int(stat.aversion)
        self.long(stat.ephemeralOwner)
        self.int(stat.dataLength)
        self.int(stat.numChildren)
        self.long(stat.pzxid)
    }
}
