//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

extension PersistentObject {
    /// The object that a record describes: of the Swift type for its Python class, or opaque.
    static func read(_ record: ByteBuffer, _ oid: ObjectID) throws(FormatError) -> PersistentObject {
        let (classDescription, state) = try Self.parse(record, oid)
        if case .global(let name) = classDescription, PersistentMapping.knownClasses.contains(name) {
            do {
                return try PersistentMapping(classDescription: classDescription, state: state)
            } catch {
                throw Self.at(oid, error)
            }
        }
        return OpaqueObject(classDescription: classDescription, state: state)
    }

    /// The two halves of a record. Errors name the object.
    static func parse(
        _ record: ByteBuffer,
        _ oid: ObjectID
    ) throws(FormatError) -> (classDescription: PickleValue, state: PickleValue) {
        do {
            var record = record
            let reader = PickleReader()
            return (try reader.read(from: &record), try reader.read(from: &record))
        } catch {
            throw Self.at(oid, error)
        }
    }

    private static func at(_ oid: ObjectID, _ error: FormatError) -> FormatError {
        FormatError("record of object \(oid)", "\(error.subject): \(error.problem)", at: error.offset)
    }

    /// The record of the object as it is now. Objects that it refers to must have identifiers.
    var record: ByteBuffer {
        var buffer = ByteBuffer()
        let writer = PickleWriter()
        writer.write(self.classDescription, into: &buffer)
        writer.write(self.state, into: &buffer)
        return buffer
    }
}
