//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

extension PersistentObject {
    /// The object that a record describes: of the Swift type for its Python class, or opaque. Errors name the object.
    static func read(_ record: ByteBuffer, _ oid: ObjectID) throws(FormatError) -> PersistentObject {
        do {
            let record = try ObjectRecord(record)
            if case .global(let name) = record.classDescription, PersistentMapping.knownClasses.contains(name) {
                return try PersistentMapping(classDescription: record.classDescription, state: record.state)
            }
            return OpaqueObject(classDescription: record.classDescription, state: record.state)
        } catch {
            throw error.of(oid)
        }
    }

    /// The state in a record. Errors name the object.
    static func state(_ record: ByteBuffer, _ oid: ObjectID) throws(FormatError) -> PickleValue {
        do {
            return try ObjectRecord(record).state
        } catch {
            throw error.of(oid)
        }
    }

    /// The record of the object as it is now. Objects that it refers to must have identifiers.
    var record: ByteBuffer {
        ObjectRecord(classDescription: self.classDescription, state: self.state).bytes
    }
}

extension FormatError {
    fileprivate func of(_ oid: ObjectID) -> FormatError {
        FormatError("record of object \(oid)", "\(self.subject): \(self.problem)", at: self.offset)
    }
}
