//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import ZODBFormat

@testable import ZODBStorage

/// The storages with blobs that must behave alike.
enum BlobStorageKind: CaseIterable, Sendable {
    case file
    case aroundFile
    case aroundMapping

    /// Whether the storage's records live in a file.
    var isDurable: Bool { self != .aroundMapping }

    /// Opens a storage in a folder, whose blobs are in `blobs` there.
    func open(in folder: String) throws -> any LocalStorage {
        switch self {
        case .file: try FileStorage(.init(path: folder + "/Data.fs", blobDirectory: folder + "/blobs"))
        case .aroundFile:
            try BlobStorage(FileStorage(.init(path: folder + "/Data.fs")), blobDirectory: folder + "/blobs")
        case .aroundMapping: try BlobStorage(MappingStorage(), blobDirectory: folder + "/blobs")
        }
    }

    /// Runs `body` with an empty storage, which is closed afterwards, and the folder that it is in.
    func withStorage(
        isolation: isolated (any Actor)? = #isolation,
        _ body: (any LocalStorage, _ folder: String) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { folder in
            let storage = try self.open(in: folder)
            try await body(storage, folder)
            try await storage.close()
        }
    }
}

extension ByteBuffer {
    /// The record of a `ZODB.blob.Blob`, as Python writes it.
    static let blobRecord = ByteBuffer(
        bytes: Array("\u{80}\u{3}cZODB.blob\nBlob\nq\0.\u{80}\u{3}N.".unicodeScalars).map {
            UInt8($0.value)
        }
    )
}

extension Storage {
    /// Puts text into a new file in the staging folder.
    func stagedBlob(_ text: String) throws -> UncommittedBlob {
        let path = self.traits.blobStagingDirectory! + "/test-" + UUID().uuidString
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return UncommittedBlob(path: path)
    }

    /// Commits blobs with these texts.
    @discardableResult
    func commitBlobs(_ blobs: [(oid: ObjectID, serial: TransactionID, text: String)]) async throws -> TransactionID {
        let operations = try blobs.map {
            TransactionDraft.Operation.storeBlob(
                $0.oid,
                serial: $0.serial,
                data: .blobRecord,
                blob: try self.stagedBlob($0.text)
            )
        }
        return try await self.finish(try await self.prepare(TransactionDraft(operations: operations)))
    }

    /// Commits one blob.
    @discardableResult
    func commitBlob(_ oid: ObjectID, _ serial: TransactionID, _ text: String) async throws -> TransactionID {
        try await self.commitBlobs([(oid, serial, text)])
    }

    /// What a blob says.
    func blobText(_ oid: ObjectID, _ tid: TransactionID) async throws -> String {
        String(
            decoding: try Data(contentsOf: URL(fileURLWithPath: try await self.blob(of: oid, at: tid))),
            as: UTF8.self
        )
    }
}

/// The names in a folder, those with a dot in front left out.
func names(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).filter { !$0.hasPrefix(".") }.sorted()
}
