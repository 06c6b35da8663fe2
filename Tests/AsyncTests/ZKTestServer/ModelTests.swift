//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ZKTestServer

@Suite struct ModelTests {
    // MARK: Paths

    static let badPaths: [String] = [
        "", "a", "/a/", "//", "//a", "/a//b", "/.", "/..", "/./a", "/a/../b", "/a\u{0}b", "/\u{1}", "/\u{1f}",
        "/\u{7f}",
        "/\u{9f}", "/\u{e000}", "/\u{f8ff}", "/\u{fff0}", "/\u{ffff}", "/\u{10000}", "/𝄞",
    ]

    @Test(arguments: badPaths) func aBadPathIsRefused(_ path: String) {
        #expect(throws: ZooKeeperCode.badArguments) { try ZNodePath(path).validate() }
    }

    @Test(arguments: [
        "/", "/a", "/a/b", "/...", "/.a", "/a.", "/a..b", "/ ", "/\u{20}", "/\u{a0}", "/\u{f900}", "/\u{ffef}", "/é",
    ])
    func aGoodPathIsTaken(_ path: String) throws {
        try ZNodePath(path).validate()
    }

    @Test func twoSpellingsAreTwoPaths() {
        #expect("/\u{e9}" == "/e\u{301}")
        #expect(ZNodePath("/\u{e9}") != ZNodePath("/e\u{301}"))
        #expect(Set([ZNodePath("/\u{e9}"), ZNodePath("/e\u{301}")]).count == 2)
    }

    @Test func pathsHaveParentsAndNames() {
        #expect(ZNodePath("/a/b").parent == "/a")
        #expect(ZNodePath("/a").parent == "/")
        #expect(ZNodePath("a").parent == nil)
        #expect(ZNodePath("/a/b").name == "b")
        #expect(ZNodePath("/a/b").withAncestors == ["/a/b", "/a", "/"])
        #expect(ZNodePath.root.child("a") == "/a")
        #expect(ZNodePath("/a").child("b") == "/a/b")
    }

    // MARK: Access lists

    @Test func digestsAreThoseOfZooKeeper() {
        // Known from the real server; the last is longer than one block of SHA-1.
        #expect(Identity(digestOf: Array("bob:secret".utf8)).id == "bob:fyVmFCwVbTJYrznoSu1koqYEYF0=")
        #expect(Identity(digestOf: Array("super:admin".utf8)).id == "super:xQJmxLMiHGwaqBvst5y6rkB6HQs=")
        #expect(Identity(digestOf: Array("ann:1".utf8)).id == "ann:/z4T+iO8KvuCdw3Y3chpp6R6RTg=")
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.200.3.4", true), ("10.0.0.0/8", "11.0.0.1", false), ("127.0.0.1", "127.0.0.1", true),
        ("127.0.0.1", "127.0.0.2", false), ("0.0.0.0/0", "255.255.255.255", true),
        ("192.168.1.77/25", "192.168.1.1", true),
        ("192.168.1.77/25", "192.168.1.128", false), ("1.2.3.4/32", "1.2.3.4", true), ("1.2.3.4", "::1", false),
    ]) func blocksOfAddresses(_ block: String, _ address: String, _ contains: Bool) throws {
        #expect(try #require(IPv4Network(block)).contains(address) == contains)
    }

    @Test(arguments: [
        "", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.4/33", "1.2.3.4/-1", "1.2.3.4/", "1.2.3.4/x", "::1",
    ])
    func whatIsNoBlock(_ text: String) {
        #expect(IPv4Network(text) == nil)
    }

    @Test func askingForSeveralPermissionsNeedsOne() throws {
        let list = [ACLEntry(permissions: .admin, identity: .anyone)]
        try list.demand([.read, .admin], of: [])
        #expect(throws: ZooKeeperCode.noAuth) { try list.demand(.read, of: []) }
        try [ACLEntry]().demand(.all, of: [])
    }

    // MARK: Sessions

    @Test func sessionsLiveAsLongAsTheyAreHeard() {
        var table = SessionTable(firstID: 7, tickTime: 100, timeouts: 200...1000)
        let session = table.open(timeout: 250, password: [1], now: 0)
        #expect(session.id == 7)
        #expect(table.overdue(now: 250) == [])
        table.touch(7, now: 250)
        #expect(table.overdue(now: 500) == [])
        // Never early, and at a whole tick.
        #expect(table.overdue(now: 599) == [])
        #expect(table.overdue(now: 600) == [7])
        let stolen = table.resume(7, password: [2], timeout: 250, now: 0)
        #expect(stolen == nil)
        let unknown = table.resume(8, password: [1], timeout: 250, now: 0)
        #expect(unknown == nil)
        let resumed = table.resume(7, password: [1], timeout: 5000, now: 550)
        #expect(resumed?.timeout == 1000)
        #expect(table.overdue(now: 600) == [])
        let ends = [table.end(7), table.end(7)]
        #expect(ends == [true, false])
        let ended = table.resume(7, password: [1], timeout: 250, now: 0)
        #expect(ended == nil)
    }

    @Test(
        arguments: [(Int32.min, 200), (0, 200), (200, 200), (555, 555), (1000, 1000), (Int32.max, 1000)]
            as [(Int32, Int64)]
    )
    func timeoutsAreClamped(_ wanted: Int32, _ given: Int64) {
        var table = SessionTable(firstID: 1, tickTime: 100, timeouts: 200...1000)
        let session = table.open(timeout: wanted, password: [], now: 0)
        #expect(session.timeout == given)
    }

    // MARK: Watches

    @Test func aWatcherThatGoesIsForgottenWholly() {
        var table = WatchTable()
        table.data.add("/a", 1, .once)
        table.data.add("/b", 1, .recursive)
        table.children.add("/a", 1, .persistent)
        table.data.add("/a", 2, .once)
        table.removeAll(of: 1)
        #expect(table.data.count == 1)
        #expect(table.children.count == 0)
        let events = (0..<2).map { _ in table.events(for: .dataChanged("/a")).map(\.watcher) }
        #expect(events == [[2], []])
        let others = table.events(for: .dataChanged("/b/c"))
        #expect(others.isEmpty)
    }

    // MARK: The printed tree

    @Test func valuesArePrintedAsPythonDoes() throws {
        let text = #" {"a": [1, -2.5e3, true, null], "é": "it's \"\u00e9\" \ud834\udd1e\n", "b": {}} "#
        let value = try #require(JSONText(parsing: text))
        #expect(
            value.pythonText == #"{u'a': [1, -2.5e3, True, None], u'b': {}, u'\xe9': u'it\'s "\xe9" \U0001d11e\n'}"#
        )
        #expect(JSONText(parsing: "[1,]") == nil)
        #expect(JSONText(parsing: "{} x") == nil)
        #expect(JSONText(parsing: String(repeating: "[", count: 100_000)) == nil)
    }

    @Test func theTreeIsPrintedWithPropertiesLinksAndTypes() throws {
        var tree = ZNodeTree()
        for (path, data) in [
            ("/b", "not json"), ("/a", #"{"type": "service", "z": 1, "to ->": "/b", "a": "x"}"#), ("/a/k", " "),
        ] {
            tree.insert(ZNode(data: Array(data.utf8), acl: ACLEntry.open), at: ZNodePath(path))
        }
        #expect(
            TreeText.text(of: tree, at: .root) == """
                /a : service
                  a = u'x'
                  z = 1
                  to -> /b
                  /k
                /b
                  string_value = u'not json'

                """
        )
    }
}
