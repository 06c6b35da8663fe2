//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import ZKZEOAsync

@testable import ZODBStorage

/// The servers that our client must get on with alike.
enum ServerKind: CaseIterable, Sendable, CustomStringConvertible {
    case python
    case pythonWithMessagePack
    case ours

    var description: String {
        switch self {
        case .python: "Python's server, Z5"
        case .pythonWithMessagePack: "Python's server, M5"
        case .ours: "our server"
        }
    }

    /// Runs `body` with a server of a file storage with blobs in a folder, and its address.
    func withServer(
        in folder: String,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (ServiceAddress) async throws -> Void
    ) async throws {
        switch self {
        case .python, .pythonWithMessagePack:
            let server = try await RunZEO.start(
                in: folder,
                self == .python ? .pickle : .messagePack,
                storage: "blob-dir \(folder)/blobs\n  pack-gc false"
            )
            try await body(server.address)
            try await server.stop()
        case .ours:
            var configuration = FileStorageConfiguration(path: folder + "/Data.fs", blobDirectory: folder + "/blobs")
            configuration.packGC = false
            let storage = try FileStorage(configuration)
            try await withZEOServer(of: [("1", storage)]) { server in
                try await body(ServiceAddress(host: "127.0.0.1", port: server.port))
            }
            try await storage.close()
        }
    }
}
