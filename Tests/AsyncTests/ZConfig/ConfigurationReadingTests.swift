//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Testing
import ZConfig

@Suite struct ConfigurationReadingTests {
    private enum Level: String, CaseIterable { case info, warn }

    private func root(_ text: String) throws -> ConfigurationSection {
        try Configuration(parsing: text, file: "zeo.conf").root
    }

    private func fault<Value>(_ text: String, _ body: (ConfigurationSection) throws -> Value) -> String {
        do {
            return "read: \(try body(try self.root(text)))"
        } catch {
            return "\(error)"
        }
    }

    @Test func readsValuesByDatatype() throws {
        let zeo = try self.root(
            "<ZEO>\nAddress 127.0.0.1: 8100\nread-only on\nserver a:1\nServer b:2\nlevel INFO\n</ZEO>"
        ).section("zeo")
        #expect(try zeo.value("address", as: .socketAddress) == .internet(host: "127.0.0.1", port: 8100))
        #expect(try zeo.optional("read-only", as: .boolean) == true)
        #expect(try zeo.optional("create", as: .boolean) ?? false == false)
        #expect(try zeo.values("server", as: .socketConnectionAddress).map(\.description) == ["a:1", "b:2"])
        #expect(try zeo.value("level", as: Datatype<Level>.oneOf) == .info)
        #expect(zeo.position(of: "read-only").line == 3)
        try zeo.rejectUnknown(keys: ["address", "read-only", "server", "level"])
    }

    @Test func saysWhatIsMissingWrongOrTooMuch() {
        #expect(
            self.fault("\n<zeo>\n</zeo>") { try $0.section("zeo").value("address", as: .socketAddress) }
                == "zeo.conf:2: <zeo> needs a key 'address', PORT, HOST:PORT, [IPV6]:PORT or a path with a slash"
        )
        #expect(
            self.fault("port x") { try $0.value("port", as: .integer) }
                == "zeo.conf:1: 'port' must be an integer, not 'x'"
        )
        #expect(
            self.fault("port 0") { try $0.value("port", as: .integer.atLeast(1)) }
                == "zeo.conf:1: 'port' must be an integer of at least 1, not '0'"
        )
        #expect(
            self.fault("a host:99999") { try $0.value("a", as: .socketAddress) }
                == "zeo.conf:1: 'a' must be PORT, HOST:PORT, [IPV6]:PORT or a path with a slash, not 'host:99999': "
                + "'99999' is no port from 0 to 65535"
        )
        #expect(
            self.fault("a 1\nA 2") { try $0.optional("a", as: .integer) }
                == "zeo.conf:2: 'a' has a value already, '1' at line 1; keep one of them"
        )
        #expect(
            self.fault("") { try $0.section("zeo", "runner").header }
                == "zeo.conf:1: the configuration needs a section <zeo> or <runner>"
        )
        #expect(
            self.fault("<zeo/>\n<zeo/>") { try $0.section("zeo").header }
                == "zeo.conf:2: a second <zeo>; the configuration takes one, and has one at line 1"
        )
        #expect(
            self.fault("<zeo/>\n<zeo/>") { try $0.optionalSection("zeo")?.header ?? "" }
                == "zeo.conf:2: a second <zeo>; the configuration takes one, and has one at line 1"
        )
    }

    @Test func suggestsWhatMayHaveBeenMeant() {
        #expect(
            self.fault("<zeo>\nadress 1\n</zeo>") {
                try $0.section("zeo").rejectUnknown(keys: ["address", "read-only"])
            }
                == "zeo.conf:2: <zeo> has no key 'adress'; did you mean 'address'?"
        )
        #expect(
            self.fault("colour 1") { try $0.rejectUnknown(keys: ["address", "read-only"]) }
                == "zeo.conf:1: the configuration has no key 'colour'; known here: address, read-only"
        )
        #expect(
            self.fault("<zoe/>\nx 1") { try $0.rejectUnknown(sections: ["zeo"]) }
                == "zeo.conf:1: the configuration takes no section <zoe>; did you mean 'zeo'?"
        )
        #expect(
            self.fault("<x>\n<y/>\n</x>") { try $0.section("x").rejectUnknown() }
                == "zeo.conf:2: <x> takes no section <y>; it takes no sections"
        )
    }
}
