//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat
import ZODBStorage

extension PersistentObject {
    /// The persistent object that a reference of this object names, loaded.
    func resolve(_ reference: PersistentReference) async throws -> PersistentObject {
        if case .object(let object) = reference.target { return object }
        guard let connection = self.connection else {
            throw StorageError(.closed, "the connection of the object has been closed")
        }
        return try await connection.object(reference)
    }

    /// The persistent object that a value of this object refers to, loaded. `place` says where the value stands.
    func resolve(_ value: PersistentValue, at place: @autoclosure () -> String) async throws -> PersistentObject {
        guard case .reference(let reference) = value else {
            throw StorageError(.invalidArgument, "\(place()) is no reference to a persistent object")
        }
        return try await self.resolve(reference)
    }

    /// This object as the kind that the program expects. `place` says where the object was referred to.
    func expected<Kind: PersistentObject>(_ kind: Kind.Type, _ name: String, at place: String) throws -> Kind {
        guard let object = self as? Kind else {
            let found = self.pythonClass?.description ?? "persistent object"
            throw StorageError(.invalidArgument, "\(place) is a \(found), not a \(name)", oid: self.oid)
        }
        return object
    }
}
