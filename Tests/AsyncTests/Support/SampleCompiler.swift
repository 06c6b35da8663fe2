//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Asks the compiler what it thinks of Swift files that use this package's modules, as a program of somebody else would:
/// in the Swift 6 language mode, and without further settings.
enum SampleCompiler {
    /// What the compiler says of the files, which are one module; empty when it has nothing to say.
    static func diagnostics(of files: [String: String]) async throws -> String {
        try await withTemporaryDirectory { folder in
            for (name, text) in files {
                try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name).swift"))
            }
            let paths = files.keys.sorted().map { "\(folder)/\($0).swift" }
            let products = URL(fileURLWithPath: TestPaths.zkrunzeo).deletingLastPathComponent().path
            let arguments =
                // Whether values may cross between tasks is only known behind the type checker.
                [
                    "swiftc", "-emit-sil", "-wmo", "-o", folder + "/samples.sil", "-parse-as-library", "-swift-version",
                    "6", "-module-name", "Samples",
                ]
                + ["-I", products + "/Modules", "-module-cache-path", products + "/ModuleCache"]
                + Self.moduleMaps(products).flatMap { ["-Xcc", "-fmodule-map-file=" + $0] }
                + Self.headerFolders.flatMap { ["-Xcc", "-I", "-Xcc", $0] } + paths
            let compiler = try ChildProcess("/usr/bin/env", arguments)
            let status = try await compiler.exitStatus(within: .seconds(240))
            let said = compiler.output.replacingOccurrences(of: folder + "/", with: "")
            return status == 0 || !said.isEmpty ? said : "the compiler ended with status \(status)"
        }
    }

    private static var checkouts: URL { URL(fileURLWithPath: TestPaths.root + "/.build/checkouts") }

    /// Where modules that are written in C are described: by their authors, or by the package manager.
    private static func moduleMaps(_ products: String) -> [String] {
        let own = ["CZooKeeper", "CZlib"].map { "\(TestPaths.root)/Sources/\($0)/module.modulemap" }
        let generated = Self.contents(of: URL(fileURLWithPath: products)).map { $0.path + "/module.modulemap" }
            .filter { $0.hasSuffix(".build/module.modulemap") }
        return (own + generated + Self.headerFolders.map { $0 + "/module.modulemap" }).filter {
            FileManager.default.fileExists(atPath: $0)
        }
    }

    /// The folders of public headers in the packages that this one depends on.
    private static var headerFolders: [String] {
        Self.contents(of: self.checkouts).flatMap { Self.contents(of: $0.appendingPathComponent("Sources")) }
            .map { $0.path + "/include" }
            .filter { FileManager.default.fileExists(atPath: $0) }
    }

    private static func contents(of folder: URL) -> [URL] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.sorted().map { folder.appendingPathComponent($0) }
    }
}
