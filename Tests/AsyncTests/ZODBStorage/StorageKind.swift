//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

@testable import ZODBStorage

/// The storages that must behave alike.
enum StorageKind: CaseIterable, Sendable {
    case mapping
    case file

    /// Runs `body` with an empty storage of this kind, which is closed afterwards.
    func withStorage(
        clock: @escaping WallClock = systemWallClock,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (any LocalStorage) async throws -> Void
    ) async throws {
        switch self {
        case .mapping:
            let storage = MappingStorage(clock: clock)
            try await body(storage)
            try await storage.close()
        case .file:
            try await withTemporaryDirectory { folder in
                let storage = try FileStorage(FileStorageConfiguration(path: folder + "/Data.fs"), clock: clock)
                try await body(storage)
                try await storage.close()
            }
        }
    }
}
