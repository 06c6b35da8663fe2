//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Where the tests find the things that they use.
enum TestPaths {
    /// The root of the package.
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    /// The Python with the pinned peers that `scripts/setup test` made.
    static let python = root + "/.build-peers/bin/python"

    /// Python's `runzeo`.
    static let runzeo = root + "/.build-peers/bin/runzeo"

    /// The folder of the Python scripts that tests run.
    static let interop = root + "/Tests/AsyncTests/Interop/Python"

    /// The `zkrunzeo` that was built together with these tests.
    static let zkrunzeo =
        Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }
        .map { $0.bundleURL.deletingLastPathComponent().path + "/zkrunzeo" }
        ?? URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path + "/zkrunzeo"
}

/// Runs `body` with the path of a new folder, which is gone afterwards.
func withTemporaryDirectory<Result>(
    isolation: isolated (any Actor)? = #isolation,
    _ body: (String) async throws -> Result
) async throws -> Result {
    let path = NSTemporaryDirectory() + "zkzeo-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
}
