//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Every piece of Swift in README and in the other documents compiles.
///
/// A piece stands in a function of its own. What it takes for granted is said in a comment that readers do not see, before
/// its fence: `<!-- given storage: FileStorage, logger: Logger -->`. A whole file has `<!-- whole file -->` there.
@Suite struct DocumentedSamplesTests {
    private static let modules = [
        "Foundation", "Logging", "NIOCore", "ServiceLifecycle", "ZEOAsyncServer", "ZKTestServer", "ZKZEOAsync", "ZODB",
        "ZODBFormat", "ZODBStorage",
    ]

    @Test(.timeLimit(.minutes(5))) func everyPieceOfSwiftInTheDocumentsCompiles() async throws {
        var files: [String: String] = [:]
        for path in try Self.documents() {
            let text = try String(contentsOfFile: "\(TestPaths.root)/\(path)", encoding: .utf8)
            for (name, source) in Self.samples(in: text, path) { files[name] = source }
        }
        #expect(files.count > 4, "the documents have no samples")
        let said = try await SampleCompiler.diagnostics(of: files)
        #expect(said.isEmpty, "\(said.prefix(4000))")
    }

    private static func documents() throws -> [String] {
        let folders = ["Documentation", "Sources", "Examples"]
        let nested = folders.flatMap { folder in
            (FileManager.default.enumerator(atPath: "\(TestPaths.root)/\(folder)")?.allObjects ?? [])
                .compactMap { $0 as? String }.filter { $0.hasSuffix(".md") && !$0.contains(".build/") }
                .map { "\(folder)/\($0)" }
        }
        return ["README.md"] + nested.sorted()
    }

    /// The pieces of Swift in a document, as files with names that tell where they come from.
    private static func samples(in text: String, _ path: String) -> [(name: String, source: String)] {
        var samples: [(String, String)] = []
        var given = ""
        var sample: (line: Int, text: [Substring])?
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if var current = sample {
                if line.hasPrefix("```") {
                    let name = path.replacingOccurrences(of: "/", with: "-") + "-line-\(current.line)"
                    samples.append((name, Self.file(current.text, given, samples.count)))
                    (sample, given) = (nil, "")
                } else {
                    current.text.append(line)
                    sample = current
                }
            } else if line == "```swift" {
                sample = (number + 1, [])
            } else if line.hasPrefix("<!-- "), line.hasSuffix(" -->") {
                given = String(line.dropFirst(5).dropLast(4))
            }
        }
        return samples
    }

    private static func file(_ lines: [Substring], _ given: String, _ number: Int) -> String {
        if given == "whole file" { return lines.joined(separator: "\n") }
        let imports = lines.filter { $0.hasPrefix("import ") }.map(String.init)
        let parameters = given.hasPrefix("given ") ? given.dropFirst(6) : ""
        return
            ((imports.isEmpty ? Self.modules.map { "import \($0)" } : imports + ["import Logging"])
            + ["private enum Sample {", "func sample(\(parameters)) async throws {"]
            + lines.filter { !$0.hasPrefix("import ") }.map(String.init) + ["}", "}"]).joined(separator: "\n")
    }
}
