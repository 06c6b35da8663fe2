//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import ZODBFormat

@testable import ZODBStorage

/// A record of an object with a text and references, as ZODB writes it.
func record(_ text: String, _ references: [ObjectID] = [], database: String? = nil) -> ByteBuffer {
    let mapping = PickleValue.global(PickleGlobal("persistent.mapping", "PersistentMapping"))
    let items = references.enumerated().map { number, oid in
        var bytes = ByteBuffer()
        bytes.writeInteger(oid.rawValue)
        let reference: PickleValue =
            if let database {
                .list([.string("m"), .tuple([.string(database), .bytes(bytes), mapping])])
            } else {
                .tuple([.bytes(bytes), mapping])
            }
        return PickleItem(.string("reference\(number)"), .persistentID(reference))
    }
    let state = PickleValue.dict(items + [PickleItem(.string("text"), .string(text))])
    return ObjectRecord(classDescription: mapping, state: state).bytes
}

/// The text in a record.
func text(of record: ByteBuffer) throws -> String? {
    guard case .dict(let items) = try ObjectRecord(record).state, case .string(let text) = items.last?.value else {
        return nil
    }
    return text
}

extension Storage {
    /// Commits records over whatever is there.
    @discardableResult
    func commit(_ records: [ObjectID: ByteBuffer]) async throws -> TransactionID {
        var operations: [TransactionDraft.Operation] = []
        for (oid, data) in records.sorted(by: { $0.key < $1.key }) {
            let serial = (try? await self.serial(of: oid, before: .max)) ?? nil
            operations.append(.store(oid, serial: serial ?? .zero, data: data))
        }
        return try await self.finish(try await self.prepare(TransactionDraft(operations: operations)))
    }

    /// Packs everything that has been committed.
    func packAll(collectsGarbage: Bool? = nil) async throws {
        try await self.pack(
            PackRequest(before: try await self.lastTransaction().successor, collectsGarbage: collectsGarbage)
        )
    }
}

/// All bytes of a file.
func bytes(of path: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: path))
}
