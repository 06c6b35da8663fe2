//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODB
import ZODBStorage

/// Objects that Python makes, Swift changes and Python checks, or the other way round: a topic of `objects.py`.
enum ObjectExchange {
    /// Lets Python make the objects of a topic, `body` change them, and Python check what has become of them.
    static func run(
        _ topic: String,
        options: DatabaseOptions = DatabaseOptions(),
        _ body: (Connection) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { folder in
            try await runPython("objects.py", ["make", topic, folder])
            try await Self.withConnection(folder, options, body)
            try await runPython("objects.py", ["check", topic, folder])
        }
    }

    /// Runs `body` with a connection to the file storage with blobs in a folder.
    static func withConnection(
        _ folder: String,
        _ options: DatabaseOptions = DatabaseOptions(),
        _ body: (Connection) async throws -> Void
    ) async throws {
        var configuration = FileStorageConfiguration(path: folder + "/Data.fs")
        configuration.blobDirectory = folder + "/blobs"
        let database = try await Database.open(try await FileStorage.open(configuration), options: options)
        let connection = database.connection(closingDatabase: true)
        do {
            try await body(connection)
            await connection.close()
        } catch {
            await connection.close()
            throw error
        }
    }
}
