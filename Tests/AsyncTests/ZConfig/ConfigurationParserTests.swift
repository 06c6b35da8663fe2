//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ZConfig

@Suite(.timeLimit(.minutes(1))) struct ConfigurationParserTests {
    private func parse(_ text: String, _ files: [String: String] = [:]) throws -> Configuration {
        try Configuration(parsing: text, file: "/etc/zeo.conf", environment: { ["HOME": "/home/zeo"][$0] }) { path in
            guard let text = files[path] else { throw ConfigurationError(message: "no such file") }
            return text
        }
    }

    private func fault(_ text: String, _ files: [String: String] = [:]) -> String {
        do {
            _ = try self.parse(text, files)
            return "read"
        } catch {
            return "\(error)"
        }
    }

    @Test func readsKeysSectionsAndImports() throws {
        let configuration = try self.parse(
            """
            %import zc.zkzeo
            %define port 8100
            # The server.
            <zeo>
              Address 127.0.0.1: ${port}
            </zeo>
            <filestorage Main>
              path $(HOME)/Data.fs
            </filestorage>
            """
        )
        #expect(configuration.imports.map(\.package) == ["zc.zkzeo"])
        #expect(configuration.root.sections.map(\.header) == ["<zeo>", "<filestorage main>"])
        let key = try #require(configuration.root.sections[0].keys.first)
        #expect(key.name == "Address")
        #expect(key.value == "127.0.0.1: 8100")
        #expect(key.position.description == "/etc/zeo.conf:5")
        #expect(try configuration.root.section("filestorage").value("PATH", as: .string) == "/home/zeo/Data.fs")
    }

    @Test func includesFilesRelativeToTheIncludingOne() throws {
        let files = [
            "/etc/parts/a.conf": "%include b.conf\n", "/etc/parts/b.conf": "key 1", "/abs": "key 2",
            "http://h/x": "key 3",
        ]
        let configuration = try self.parse("%include parts/a.conf\n%include /abs\n%include http://h/x", files)
        #expect(configuration.root.keys.map(\.value) == ["1", "2", "3"])
        #expect(configuration.root.keys[0].position.description == "/etc/parts/b.conf:1")
        #expect(
            self.fault("%include parts/a.conf", ["/etc/parts/a.conf": "\n%include a.conf"])
                == "/etc/parts/a.conf:2: '/etc/parts/a.conf' includes itself"
        )
        #expect(self.fault("\n%include x") == "/etc/zeo.conf:2: cannot include '/etc/x': no such file")
    }

    static let faults: [(String, String)] = [
        ("<zeo>\n\n", "3: the text ends before </zeo>; <zeo> began at line 1"),
        ("<zeo>\n</zoe>", "2: '</zoe>' ends another section than <zeo> of line 1; write </zeo>"),
        ("</zeo>", "1: '</zeo>' ends a section, but none is open"),
        ("<zeo", "1: a section that begins with '<' needs a '>' at the end of the line"),
        ("<a n/>\n<b N/>", "2: the name 'n' belongs to <a n> at line 1; choose another one"),
        ("x $prot", "1: 'prot' is not defined; write '%define prot VALUE' first"),
        ("%define port 1\nx $prot", "2: 'prot' is not defined; did you mean 'port'?"),
        ("x a$", "1: a lone '$' at the end of 'a$'; a dollar sign is written '$$'"),
        ("x $(NOT)", "1: the environment has no variable 'NOT'"),
        ("%inclood x", "1: there is no directive '%inclood'; there are %define, %import and %include"),
        ("%define a 1\n%define a 2", "2: 'a' is defined already, as '1'"),
        ("(", "1: '(' is no key with a value; write KEY VALUE"),
    ]

    @Test(arguments: faults.indices) func saysFileLineAndWhatWouldBeRight(index: Int) {
        #expect(self.fault(Self.faults[index].0) == "/etc/zeo.conf:" + Self.faults[index].1)
    }

    @Test func refusesBottomlessNesting() {
        let deep = (0..<100_000).map { _ in "<a>" }.joined(separator: "\n")
        #expect(self.fault(deep) == "/etc/zeo.conf:101: sections lie more than 100 deep within each other")
    }

    @Test func readsTextsAsPythonDoes() async throws {
        setenv("ZKZEO_TEST_WORD", "word", 1)
        try await withTemporaryDirectory { directory in
            for (name, text) in ConfigurationTexts.parts {
                try Data(text.utf8).write(to: URL(fileURLWithPath: directory + "/" + name))
            }
            var paths: [String] = []
            for (index, text) in (ConfigurationTexts.good + ConfigurationTexts.bad).enumerated() {
                paths.append("\(directory)/text\(index).conf")
                try Data(text.utf8).write(to: URL(fileURLWithPath: paths[index]))
            }
            let output = try await runPython("zconfig_texts.py", ["texts"] + paths)
            let answers = output.components(separatedBy: "file text").dropFirst()
            #expect(answers.count == paths.count)
            for (index, (answer, path)) in zip(answers, paths).enumerated() {
                let expected = answer.split(separator: "\n").dropFirst().sorted().joined(separator: "\n")
                let ours = self.events(path)
                if index < ConfigurationTexts.good.count {
                    #expect(ours == expected, "\(ConfigurationTexts.good[index])")
                } else {
                    #expect(
                        expected.hasPrefix("refused"),
                        "\(ConfigurationTexts.bad[index - ConfigurationTexts.good.count])"
                    )
                    #expect(ours == "refused", "\(ConfigurationTexts.bad[index - ConfigurationTexts.good.count])")
                }
            }
        }
    }

    /// What `zconfig_texts.py texts` prints of a file, its lines sorted. What lies in what is tested elsewhere.
    private func events(_ path: String) -> String {
        do {
            let configuration = try Configuration(
                parsing: String(contentsOfFile: path, encoding: .utf8),
                file: path,
                environment: { ProcessInfo.processInfo.environment[$0] },
                reading: { try String(contentsOfFile: $0, encoding: .utf8) }
            )
            let imports = configuration.imports.map { "import \(self.quoted($0.package))" }
            return (self.lines(configuration.root) + imports).sorted().joined(separator: "\n")
        } catch {
            return "refused"
        }
    }

    private func lines(_ section: ConfigurationSection) -> [String] {
        var lines = section.keys.map { key in
            let file = URL(fileURLWithPath: key.position.file).lastPathComponent
            return "key \(self.quoted(key.name.lowercased())) \(self.quoted(key.value)) \(file) \(key.position.line)"
        }
        for inner in section.sections {
            let name = inner.name.map(self.quoted) ?? "None"
            lines += ["begin \(self.quoted(inner.type)) \(name)"] + self.lines(inner) + ["end"]
        }
        return lines
    }

    /// A string as Python's `ascii` spells it.
    private func quoted(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "'") { result, scalar in
            switch scalar.value {
            case 0x20..<0x7f: result.unicodeScalars.append(scalar)
            case 0..<0x100: result += "\\x" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            default:
                result +=
                    "\\u" + String(repeating: "0", count: 4 - String(scalar.value, radix: 16).count)
                    + String(scalar.value, radix: 16)
            }
        } + "'"
    }
}
