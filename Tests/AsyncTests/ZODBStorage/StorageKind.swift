//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

@testable import ZODBStorage

/// The storages that must behave alike.
enum StorageKind: CaseIterable, Sendable {
    case mapping
    case file
    case fileWithBlobs
    case blobsAroundFile
    case demo
    case demoOverFiles
    case compressed
    case serverCompressed

    /// The storages whose new identifiers follow one another from 1 on.
    static let withIdentifiersInOrder = Self.allCases.filter { $0 != .demo && $0 != .demoOverFiles }

    /// Runs `body` with an empty storage of this kind, which is closed afterwards.
    func withStorage(
        clock: @escaping WallClock = systemWallClock,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (any LocalStorage) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { folder in
            let storage = try self.open(in: folder, clock: clock)
            try await body(storage)
            try await storage.close()
        }
    }

    private func open(in folder: String, clock: @escaping WallClock) throws -> any LocalStorage {
        func file(_ name: String = "Data.fs", blobs: String? = nil) throws -> FileStorage {
            let blobs = blobs.map { folder + "/" + $0 }
            return try FileStorage(.init(path: folder + "/" + name, blobDirectory: blobs), clock: clock)
        }
        return switch self {
        case .mapping: MappingStorage(clock: clock)
        case .file: try file()
        case .fileWithBlobs: try file(blobs: "blobs")
        case .blobsAroundFile: try BlobStorage(file(), blobDirectory: folder + "/blobs")
        case .demo: try DemoStorage(clock: clock, firstObjectID: { 1000 })
        case .demoOverFiles:
            try DemoStorage(
                base: file("base.fs"),
                changes: file("changes.fs", blobs: "blobs"),
                clock: clock,
                firstObjectID: { 1000 }
            )
        case .compressed: ZlibStorage(try file())
        case .serverCompressed: ServerZlibStorage(MappingStorage(clock: clock))
        }
    }
}
