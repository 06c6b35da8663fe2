//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Testing
import ZConfig
import ZODBStorage

@testable import ZKZEOAsync

/// What `<clientstorage>`, `<zeoclient>` and `<zkzeoclient>` say, and what is refused.
@Suite struct ClientSectionTests {
    private func client(_ text: String, environment: [String: String] = [:]) throws -> ClientSection {
        let section = try #require(try Configuration(parsing: text, file: "zodb.conf").root.sections.first)
        return try ClientSection(section, logger: nil, environment: environment)
    }

    @Test func addressesAreThoseOfPython() throws {
        let text =
            "<clientstorage>\nserver 8100\nserver localhost:8101\nserver [::1]:8102\nserver var/zeo.sock\n</clientstorage>"
        guard case .fixed(let servers) = try self.client(text).servers else {
            Issue.record("no fixed servers")
            return
        }
        #expect(servers.map(\.description) == ["127.0.0.1:8100", "localhost:8101", "[::1]:8102", "var/zeo.sock"])
        #expect(servers.last == .unix(path: "var/zeo.sock"))
    }

    @Test func everyKeyOfClientStorageWorks() throws {
        let options = try self.client(
            """
            <clientstorage>
              server 8100
              storage main
              name here
              cache-size 10MB
              read-only-fallback yes
              server-sync on
              wait-timeout 5
              client-label worker-1
              shared-blob-dir no
            </clientstorage>
            """
        ).options
        #expect(options.storage == "main")
        #expect(options.name == "here")
        #expect(options.cacheSize == 10 << 20)
        #expect(!options.readOnly && options.readOnlyFallback && options.serverSync)
        #expect(options.waitTimeout == .seconds(5))
        #expect(options.clientLabel == "worker-1")
        #expect(options.wait && options.tls == nil)
    }

    @Test func everyKeyOfZEOClientWorks() throws {
        let options = try self.client(
            """
            <zeoclient>
              server 8100
              read-only yes
              wait off
              min-disconnect-poll 1
              max-disconnect-poll 20
              drop-cache-rather-verify yes
            </zeoclient>
            """
        ).options
        #expect(options.readOnly && !options.wait)
        #expect(options.reconnectDelay.first == .seconds(1))
        #expect(options.reconnectDelay.limit == .seconds(20))
        let defaults = try self.client("<zeoclient>\nserver 8100\n</zeoclient>").options
        #expect(defaults.wait && defaults.storage == "1" && defaults.name == nil && defaults.cacheSize == 20 << 20)
        #expect(defaults.reconnectDelay == ClientOptions().reconnectDelay)
    }

    @Test func zooKeeperSaysTheServersOfZKZEOClient() throws {
        let client = try self.client(
            """
            <zkzeoclient>
              zookeeper zookeeper.example.com:2181,other:2182/chroot
              server /databases/demo
              max-disconnect-poll 1
              session-timeout 4s
              wait-timeout 3
              keep-removed-addresses no
            </zkzeoclient>
            """
        )
        guard case .registered(let zooKeeper, let path) = client.servers else {
            Issue.record("no path")
            return
        }
        #expect(zooKeeper == "zookeeper.example.com:2181,other:2182/chroot")
        #expect(path == "/databases/demo")
        #expect(client.options.sessionTimeout == .seconds(4))
        #expect(client.options.waitTimeout == .seconds(3))
        #expect(client.options.removedAddresses == .forgotten)
    }

    @Test(arguments: [
        ("<zkzeoclient>\nzookeeper z:1\nserver /a\nserver /b\n</zkzeoclient>", 4, "'/a' at line 3"),
        ("<zkzeoclient>\nzookeeper z:1\nserver databases/demo\n</zkzeoclient>", 3, "does not begin with a slash"),
        ("<zkzeoclient>\nzookeeper z:1\nserver 8100\n</zkzeoclient>", 3, "a path in ZooKeeper"),
        ("<zkzeoclient>\nserver /a\n</zkzeoclient>", 1, "'zookeeper'"),
        ("<zkzeoclient>\nzookeeper z:1\n</zkzeoclient>", 1, "'server'"),
        ("<zkzeoclient>\nzookeeper z:1,\nserver /a\n</zkzeoclient>", 2, "a host is missing"),
        ("<zeoclient>\n</zeoclient>", 1, "'server'"),
        ("<zeoclient>\nserver localhost\n</zeoclient>", 2, "localhost:PORT"),
        ("<zeoclient>\nserver 8100\nzookeeper z:1\n</zeoclient>", 3, "no key 'zookeeper'"),
        ("<zeoclient>\nserver 8100\nwait-timeout 3\n</zeoclient>", 3, "no key 'wait-timeout'"),
        ("<clientstorage>\nserver 8100\nwait no\n</clientstorage>", 3, "no key 'wait'"),
        ("<clientstorage>\nserver 8100\nwait-timeout soon\n</clientstorage>", 3, "an integer"),
        ("<zeoclient>\nserver 8100\nread-only yes\nread-only-fallback yes\n</zeoclient>", 4, "exclude each other"),
        ("<zeoclient>\nserver 8100\nusername me\n</zeoclient>", 3, "no passwords since version 5"),
        ("<zeoclient>\nserver 8100\n<ssl>\n</ssl>\n</zeoclient>", 3, "no section <ssl>"),
        ("<clientstorage>\nserver 8100\n<ssl>\n</ssl>\n</clientstorage>", 3, "'certificate'"),
        (
            "<clientstorage>\nserver 8100\n<ssl>\ncertificate /dev/null\npassword-function a.b\n</ssl>\n</clientstorage>",
            5,
            "'password-file'"
        ),
    ])
    func whatIsNotRightIsRefusedWithItsLine(_ text: String, _ line: Int, _ words: String) throws {
        let fault = #expect(throws: ConfigurationError.self) { try self.client(text) }
        #expect(fault?.line == line, "\(String(describing: fault))")
        #expect(fault?.message.contains(words) == true, "\(String(describing: fault))")
    }
}
