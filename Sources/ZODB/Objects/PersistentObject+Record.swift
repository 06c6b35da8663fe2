//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

extension PersistentObject {
    /// The object that a record describes: of the Swift type for its Python class, or opaque. Errors name the object.
    static func read(
        _ record: ByteBuffer,
        _ oid: ObjectID,
        _ classes: PythonClasses = PythonClasses()
    ) throws(FormatError) -> PersistentObject {
        do {
            var state = record
            let classDescription = try PickleReader().read(from: &state)
            let className = ObjectRecord(classDescription: classDescription, state: .none).className
            if let className, let make = classes.makers[className] { return try make(record) }
            if let name = classDescription.plainClass, let make = PersistentTypes.makers[name] {
                let record = try ObjectRecord(record)
                return try make(record.classDescription, record.state)
            }
            return try OpaqueObject(record: record)
        } catch let error as FormatError {
            throw error.of(oid)
        } catch {
            throw FormatError("object", "\(error)").of(oid)
        }
    }

    /// What takes over the state in a record. Errors name the object.
    func adoption(of record: ByteBuffer, _ oid: ObjectID) throws(FormatError) -> () -> Void {
        do {
            return try self.recordAdoption(record)
        } catch {
            throw error.of(oid)
        }
    }

    /// The record of the object as it is now. Objects that it refers to must have identifiers.
    var record: ByteBuffer { self.encodedRecord() }
}

extension PickleValue {
    /// The class of an object that is made without arguments, which older versions of ZODB wrote as `(class, None)`.
    fileprivate var plainClass: PickleGlobal? {
        switch self {
        case .global(let name): return name
        case .tuple(let parts):
            guard parts.count == 2, case .global(let name) = parts[0] else { return nil }
            switch parts[1] {
            case .none: return name
            case .tuple(let arguments): return arguments.isEmpty ? name : nil
            default: return nil
            }
        default: return nil
        }
    }
}

extension FormatError {
    /// The same error, of an object.
    func of(_ oid: ObjectID) -> FormatError {
        FormatError("record of object \(oid)", "\(self.subject): \(self.problem)", at: self.offset)
    }
}
