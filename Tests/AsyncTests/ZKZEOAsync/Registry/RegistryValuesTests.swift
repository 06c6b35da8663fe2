//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import ZKZEOAsync

/// The small values of the registry.
@Suite struct RegistryValuesTests {
    @Test(arguments: ["a:1", "1.2.3.4:65535", "[::1]:8100", "[fe80::1%eth0]:1", "some.host-name:80"])
    func addressesAreReadAndWritten(text: String) throws {
        #expect(try #require(ServiceAddress(text)).description == text)
    }

    @Test(arguments: [
        "", "a", "a:", ":1", "a:0", "a:65536", "a:+1", "a:1x", "::1", "[a]:1", "[]:1", "[::1]", "a/b:1", "a:٣",
    ])
    func whatIsNoAddressIsNone(text: String) { #expect(ServiceAddress(text) == nil) }

    @Test func addressesAreOrderedAndKnowLoopback() throws {
        let texts = ["10.0.0.1:2", "10.0.0.1:10", "9.0.0.1:1"]
        #expect(texts.compactMap(ServiceAddress.init).sorted().map(\.description) == texts)
        for text in [
            "127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[0:0:0:0:0:0:0:1]:1", "[::1%lo]:1", "[::ffff:127.0.0.1]:1",
            "[::FFFF:7f00:1]:1", "localhost:1", "LOCALHOST:1", "localhost.localdomain:1", "ip6-localhost:1",
            "a.localhost:1",
        ] {
            #expect(try #require(ServiceAddress(text)).isLoopback)
        }
        for text in [
            "128.0.0.1:1", "[::2]:1", "[::ffff:128.0.0.1]:1", "127.example.org:1", "127.0.0.example:1", "a:1",
            "localhosts.example.org:1",
        ] {
            #expect(try !#require(ServiceAddress(text)).isLoopback)
        }
    }

    @Test func propertiesAreReadAsZCZKDoes() {
        #expect(NodeProperties(data: nil) == [:])
        #expect(NodeProperties(data: Array("  ".utf8)) == [:])
        #expect(NodeProperties(data: Array("text".utf8)) == ["string_value": "text"])
        #expect(NodeProperties(data: Array("{broken}".utf8)) == ["string_value": "{broken}"])
        #expect(NodeProperties(data: Array("[1]".utf8)) == ["string_value": "[1]"])
        let text = #" {"pid":7,"a":[1,2.5,null,true,"x"],"link ->":"../b"} "#
        let properties = NodeProperties(data: Array(text.utf8))
        #expect(properties.pid == 7)
        #expect(properties.link("link") == "../b")
        #expect(properties.link("other") == nil)
        #expect(properties["a"] == .array([1, .double(2.5), .null, true, "x"]))
        #expect(NodeProperties(data: properties.data) == properties)
        #expect(NodeProperties(["string_value": "text"]).data == Array("text".utf8))
        #expect(String(decoding: NodeProperties(["b": 1, "a": "/x"]).data, as: UTF8.self) == #"{"a":"/x","b":1}"#)
    }

    @Test func pathsAreNormalized() {
        let cases = [
            ("/", "/"), ("/a/b", "/a/b"), ("/a/./b/.", "/a/b"), ("/a/../b", "/b"), ("/a/b/../..", "/"), ("/../a", "/a"),
        ]
        for (path, normal) in cases { #expect(Links.normalized(path) == normal) }
    }

    @Test func setsKnowMissingPathsFromEmptyOnes() {
        #expect(AddressSet(names: nil) != AddressSet(names: []))
        #expect(!AddressSet(names: nil).pathExists)
        let set = AddressSet(names: ["lock", "b:1", "a:1", "a:01"])
        #expect(set.addresses.map(\.description) == ["a:1", "b:1"])
        #expect(set.names == ["a:01", "a:1", "b:1", "lock"])
    }

    @Test func evidenceIsWeighed() {
        let process = ProcessIdentity(pid: 10, boot: "boot", namespace: "ns", machine: "m")
        func find(_ properties: NodeProperties, _ registration: Registration, alive: Set<Int32> = []) -> StaleEvidence?
        {
            StaleEvidence.find(in: properties, for: registration, process: process) { alive.contains($0) }
        }
        let plain = Registration(name: "192.0.2.7:1", holdsSocket: false)
        let dead: NodeProperties = ["pid": 11, "boot": "boot", "pid-namespace": "ns"]
        #expect(find(dead, plain) == .deadProcess)
        #expect(find(dead, plain, alive: [11]) == nil)
        #expect(find(["pid": 11, "boot": "boot"], plain) == nil)
        #expect(find(["pid": 11, "pid-namespace": "ns"], plain) == nil)
        #expect(find(["pid": 10, "boot": "boot", "pid-namespace": "ns"], plain) == nil)
        for pid: JSONValue in [0, -1, "11", .integer(1 << 40), .null] {
            #expect(find(["pid": pid, "boot": "boot", "pid-namespace": "ns"], plain) == nil)
        }
        #expect(find([:], Registration(name: "192.0.2.7:1", holdsSocket: true)) == .socketIsOurs)
        #expect(find(["machine": "m"], Registration(name: "172.17.0.1:1", holdsSocket: true)) == .socketIsOurs)
        #expect(find(["machine": "other"], Registration(name: "172.17.0.1:1", holdsSocket: true)) == nil)
        #expect(find(["machine": "m"], Registration(name: "[0:0:0:0:0:0:0:1]:1", holdsSocket: true)) == nil)
        #expect(find([:], Registration(name: "127.0.0.1:1", holdsSocket: true)) == nil)
        #expect(find([:], Registration(name: "no address", holdsSocket: true)) == nil)
        let instance = Registration(name: "127.0.0.1:1", properties: ["instance": "i"], holdsSocket: false)
        #expect(find(["instance": "i"], instance) == .sameInstance)
        #expect(find(["instance": "j"], instance) == nil)
        #expect(
            find(["instance": ""], Registration(name: "a:1", properties: ["instance": ""], holdsSocket: false)) == nil
        )
    }

    @Test func machinesAreToldApartWithoutTheirIds() {
        let id = "0123456789abcdef0123456789abcdef"
        let name = ProcessIdentity.machine(id: id)
        #expect(name == ProcessIdentity.machine(id: id))
        #expect(name != ProcessIdentity.machine(id: "1123456789abcdef0123456789abcdef"))
        #expect(name.count <= 16)
    }

    @Test func aProcessKnowsItselfAndWhoLives() throws {
        #expect(ProcessIdentity.current.pid == getpid())
        #expect(ProcessIdentity.current.boot?.count == 36)
        #expect(ProcessIdentity.current.namespace?.hasPrefix("pid:") == true)
        #expect(ProcessIdentity.isAlive(getpid()))
        #expect(ProcessIdentity.isAlive(1))
        #expect(!ProcessIdentity.isAlive(.max))
    }
}
