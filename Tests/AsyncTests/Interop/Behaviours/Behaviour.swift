//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation

@testable import ZKZEOAsync

/// One program of zk_behaviours.json, run by `ZooKeeperSession`. The head of that file tells what steps and results are.
struct Behaviour: Decodable, Sendable {
    let name: String
    let steps: [[JSONValue]]

    static func table() throws -> [Behaviour] {
        struct Table: Decodable { let behaviours: [Behaviour] }
        let data = try Data(contentsOf: URL(fileURLWithPath: TestPaths.interop + "/zk_behaviours.json"))
        return try JSONDecoder().decode(Table.self, from: data).behaviours
    }

    /// The line that the program gives on a server at that port of the loopback interface.
    func line(port: Int) async throws -> String {
        let keeper = try await BehaviourClient(port: port, timeout: .seconds(10))
        try await keeper.session.create("/" + self.name)
        var run = BehaviourRun(port: port, root: "/" + self.name)
        var results: [String] = []
        for step in self.steps { results.append(try await run.result(step)) }
        for client in run.clients.values { try await client.close() }
        try await keeper.close()
        return run.ranked("\(self.name): " + results.joined(separator: " | "))
    }
}

/// A program under way.
struct BehaviourRun {
    let port: Int
    let root: String
    private(set) var clients: [String: BehaviourClient] = [:]
    private var sessions: [Int64: String] = [:]
    private var stats: [[Int64]] = []

    init(port: Int, root: String) {
        self.port = port
        self.root = root
    }

    /// What comes of one step.
    mutating func result(_ step: [JSONValue]) async throws -> String {
        let client = try await self.client(step[0].string ?? "", step[1] == "open" ? step[2] : .null)
        do {
            return try await self.perform(step[1].string ?? "", client, Array(step.dropFirst(2)))
        } catch let error as ZooKeeperError {
            return Self.name(error.rawCode ?? 1)
        }
    }

    private mutating func client(_ name: String, _ options: JSONValue) async throws -> BehaviourClient {
        if let client = self.clients[name] { return client }
        let timeout = options["timeout"]?.integer ?? 10_000
        let client = try await BehaviourClient(port: self.port, timeout: .milliseconds(timeout))
        self.clients[name] = client
        self.sessions[client.firstID] = name
        return client
    }

    // MARK: Texts

    private static let names: [Int32: String] = [
        0: "OK", -2: "RUNTIMEINCONSISTENCY", -4: "CONNECTIONLOSS", -5: "MARSHALLING", -6: "UNIMPLEMENTED",
        -8: "BADARGUMENTS", -101: "NONODE", -102: "NOAUTH", -103: "BADVERSION", -108: "NOCHILDRENFOREPHEMERALS",
        -110: "NODEEXISTS", -111: "NOTEMPTY", -112: "SESSIONEXPIRED", -113: "INVALIDCALLBACK", -114: "INVALIDACL",
        -115: "AUTHFAILED",
    ]

    private static func name(_ code: Int32) -> String { Self.names[code] ?? "\(code)" }

    private func path(_ value: JSONValue) -> String {
        let text = value.string ?? ""
        return text.hasPrefix("~") ? self.root + text.dropFirst() : text
    }

    private func short(_ text: String) -> String {
        text.replacingOccurrences(of: self.root, with: "~", options: .literal)
    }

    private func shown(_ data: [UInt8]?) throws -> String {
        guard let data else { return "null" }
        // What Python's `json.dumps` makes of these texts.
        var text = ""
        for scalar in String(decoding: data, as: UTF8.self).unicodeScalars {
            text += scalar.value < 32 ? "\\u" + String(scalar.value + 0x10000, radix: 16).dropFirst() : String(scalar)
        }
        return "\"" + text + "\""
    }

    private mutating func text(_ stat: ZNodeStat) -> String {
        let owner = stat.ephemeralOwner == 0 ? "-" : self.sessions[stat.ephemeralOwner] ?? "?"
        self.stats.append([stat.creationTransaction, stat.modificationTransaction, stat.childrenTransaction])
        return
            "v=\(stat.version) cv=\(stat.childrenVersion) av=\(stat.aclVersion) owner=\(owner) len=\(stat.dataLength)"
            + " kids=\(stat.childCount) zxids=<\(self.stats.count - 1)>"
    }

    /// Replaces zxids by their ranks among all that were seen.
    func ranked(_ line: String) -> String {
        let sorted = Set(self.stats.joined()).sorted()
        var line = line
        for (index, zxids) in self.stats.enumerated() {
            let ranks = zxids.map { "\((sorted.firstIndex(of: $0) ?? 0) + 1)" }.joined(separator: ",")
            line = line.replacingOccurrences(of: "<\(index)>", with: ranks)
        }
        return line
    }

    private static let letters: [(Character, ZNodeACL.Permissions)] = [
        ("r", .read), ("w", .write), ("c", .create), ("d", .delete), ("a", .admin),
    ]

    private func acl(_ value: JSONValue?) -> [ZNodeACL] {
        guard let entries = value?.array else { return .open }
        return entries.compactMap(\.array).map { entry in
            let permissions = Self.letters.filter { entry[0].string?.contains($0.0) == true }.map(\.1)
            return ZNodeACL(
                ZNodeACL.Permissions(permissions),
                scheme: entry[1].string ?? "",
                identity: entry[2].string ?? ""
            )
        }
    }

    private func mode(_ options: JSONValue?) -> CreateMode {
        switch options?["mode"]?.string {
        case "ephemeral": .ephemeral
        case "sequential": .persistentSequential
        case "ephemeral_sequential": .ephemeralSequential
        case "container": .container
        default: .persistent
        }
    }

    // MARK: Operations

    private mutating func perform(_ name: String, _ client: BehaviourClient, _ arguments: [JSONValue]) async throws
        -> String
    {
        let session = client.session
        let path = arguments.first.map(self.path) ?? ""
        let options = arguments.last.flatMap { $0.object == nil ? nil : $0 }
        let isWatched = options?["watch"] == true
        switch name {
        case "open": return "ok"
        case "create":
            let (created, stat) = try await session.create(
                path,
                data: arguments[1].bytes,
                mode: self.mode(options),
                acl: self.acl(options?["acl"])
            )
            guard options?["stat"] == true, let stat else { return self.short(created) }
            return self.short(created) + " " + self.text(stat)
        case "delete":
            try await session.delete(path, version: arguments.version(at: 1))
            return "ok"
        case "exists":
            let stat: ZNodeStat?
            if isWatched {
                let (found, watch) = try await session.existsWatching(path)
                client.remember(watch, path)
                stat = found
            } else {
                stat = try await session.exists(path)
            }
            return stat.map { self.text($0) } ?? "none"
        case "get":
            guard isWatched else {
                let (data, stat) = try await session.get(path)
                return try self.shown(data) + " " + self.text(stat)
            }
            let (data, stat, watch) = try await session.getWatching(path)
            client.remember(watch, path)
            return try self.shown(data) + " " + self.text(stat)
        case "set":
            return self.text(try await session.set(path, data: arguments[1].bytes, version: arguments.version(at: 2)))
        case "children":
            var (names, stat): ([String], ZNodeStat)
            if isWatched {
                let answer = try await session.childrenWatching(path)
                client.remember(answer.watch, path)
                (names, stat) = (answer.names, answer.stat)
            } else {
                (names, stat) = try await session.children(path)
            }
            names.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            let text = "[" + names.joined(separator: ", ") + "]"
            return options?["stat"] == true ? text + " " + self.text(stat) : text
        case "get_acl":
            let (acl, stat) = try await session.getACL(path)
            let texts = acl.map { entry in
                String(Self.letters.filter { entry.permissions.contains($0.1) }.map(\.0))
                    + " \(entry.scheme):\(entry.identity)"
            }
            return "[" + texts.joined(separator: ", ") + "] " + self.text(stat)
        case "set_acl":
            try await session.setACL(path, self.acl(arguments[1]), version: arguments.version(at: 2))
            // libzookeeper keeps the stat of the answer to itself.
            return self.text(try await session.exists(path) ?? ZNodeStat())
        case "sync":
            try await session.sync(path)
            return self.short(path)
        case "auth":
            try await session.addAuth(scheme: path, credential: Array((arguments[1].string ?? "").utf8))
            return "ok"
        case "multi": return try await self.multi(session, arguments[0].array ?? [])
        case "events": return self.short("[" + (try await client.events()).joined(separator: ", ") + "]")
        case "wait_events":
            let events = try await client.waitForEvents(Int(arguments[0].integer ?? 0))
            return self.short("[" + events.joined(separator: ", ") + "]")
        case "close":
            try await client.close()
            return "ok"
        case "drop": return await client.drop()
        case "cut":
            await client.cut()
            return "ok"
        case "heal": return await client.heal()
        case "wait_gone":
            do {
                try await eventually("gone", within: .seconds(10)) { try await session.exists(path) == nil }
                return "ok"
            } catch is ChildProcess.Failure {
                return "still there"
            }
        default: throw ChildProcess.Failure(description: "no such operation: \(name)")
        }
    }

    private mutating func multi(_ session: ZooKeeperSession, _ operations: [JSONValue]) async throws -> String {
        let list = operations.compactMap(\.array).map { each -> ZooKeeperOperation in
            let path = self.path(each[1])
            return switch each[0].string {
            case "create":
                .create(path, data: each[2].bytes, mode: self.mode(each.last), acl: self.acl(each.last?["acl"]))
            case "delete": .delete(path, version: each.version(at: 2))
            case "set": .set(path, data: each[2].bytes, version: each.version(at: 3))
            default: .check(path, version: each.version(at: 2))
            }
        }
        var texts: [String] = []
        do {
            for result in try await session.multi(list) {
                switch result {
                case .created(let path): texts.append(self.short(path))
                case .deleted, .checked: texts.append("ok")
                case .set(let stat): texts.append(self.text(stat))
                }
            }
        } catch let error as ZooKeeperError {
            guard let culprit = error.operationIndex, let code = error.rawCode else { throw error }
            texts = list.indices.map { Self.name($0 < culprit ? 0 : $0 == culprit ? code : -2) }
        }
        return "[" + texts.joined(separator: ", ") + "]"
    }
}

extension [JSONValue] {
    fileprivate func version(at index: Int) -> Int32 {
        self.indices.contains(index) ? Int32(self[index].integer ?? -1) : -1
    }
}

extension JSONValue {
    fileprivate var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    fileprivate var object: [String: JSONValue]? { if case .object(let value) = self { value } else { nil } }
    fileprivate var bytes: [UInt8]? { self.string.map { Array($0.utf8) } }
    fileprivate subscript(name: String) -> JSONValue? { self.object?[name] }
}
