//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
public import ZODBFormat
import ZODBStorage

/// A persistent object of a Python class that Swift has no type for.
///
/// Its attributes are read and changed by their names, also those of objects within it:
///
/// ```swift
/// let city = try customer.address.city.value.string
/// try customer.address.city.set("Ulm")
/// ```
///
/// The record stays as it is, byte for byte, but for what is changed: what Python makes of the rest is the same as before,
/// with everything that is shared or contains itself. Python code is not asked, so that what the class would compute or
/// refuse is for the program to know.
@dynamicMemberLookup
public class OpaqueObject: PersistentObject {
    private struct Content {
        var record: ByteBuffer
        /// References that were set: until they are stored, the record has numbers for them.
        var references: [PersistentReference] = []
    }

    private let writtenClass: PickleValue
    private var content: Content
    private var committed: Content?
    private var knownOutline: RecordOutline?

    /// The object of a record.
    init(record: ByteBuffer) throws(FormatError) {
        var classPickle = record
        self.writtenClass = try PickleReader().read(from: &classPickle)
        let outline = try RecordOutline(record)
        // Without frames, so that a part of the record can be read alone.
        self.content = Content(record: outline.withoutFrames(record))
        super.init()
    }

    /// A new object.
    init(classDescription: PickleValue, state: PersistentValue) {
        var references: [PersistentReference] = []
        let state = state.pickle { reference in
            references.append(reference)
            return .int(Self.firstNumber + references.count - 1)
        }
        self.writtenClass = classDescription
        let record = ObjectRecord(classDescription: classDescription, state: state)
        self.content = Content(record: record.bytes, references: references)
        super.init()
    }

    /// What Python makes the object of: a class, or a class and the arguments to make it with.
    public override var classDescription: PickleValue { self.writtenClass }

    /// What Python sets the object's state to; `none` where that contains itself, so that no such value can show it.
    /// Objects that are referred to must have identifiers.
    public override var state: PickleValue { (try? ObjectRecord(self.encodedRecord()).state) ?? .none }

    override func encodedRecord() -> ByteBuffer {
        guard !self.content.references.isEmpty, let outline = try? self.outline() else { return self.content.record }
        return outline.replacingPersistentIDs(in: self.content.record) { self.reference($0)?.persistentID }
    }

    override func recordAdoption(_ record: ByteBuffer) throws(FormatError) -> () -> Void {
        let outline = try RecordOutline(record)
        let content = Content(record: outline.withoutFrames(record))
        return {
            self.content = content
            self.knownOutline = nil
            self.didAdopt()
        }
    }

    /// The record is another one now.
    func didAdopt() {}

    override func forEachReference(_ body: (PersistentReference) -> Void) {
        guard !self.content.references.isEmpty, let outline = try? self.outline() else { return }
        for id in Set(outline.plainPersistentIDs) {
            if let reference = self.reference(id) { body(reference) }
        }
    }

    override func keepCommitted() {
        self.committed = self.content
    }

    override func forgetCommitted(restoring: Bool) {
        if restoring, let committed {
            self.content = committed
            self.knownOutline = nil
            self.didAdopt()
        }
        self.committed = nil
    }

    // MARK: References that were set

    private static let firstNumber = Int.min

    private func reference(_ id: PickleValue) -> PersistentReference? {
        guard case .int(let number) = id else { return nil }
        let index = number &- Self.firstNumber
        return self.content.references.indices.contains(index) ? self.content.references[index] : nil
    }

    private func pickle(_ value: PersistentValue) -> PickleValue {
        value.pickle { reference in
            self.content.references.append(reference)
            return .int(Self.firstNumber + self.content.references.count - 1)
        }
    }

    // MARK: Parts

    func outline() throws(FormatError) -> RecordOutline {
        if let knownOutline { return knownOutline }
        let outline = try RecordOutline(self.content.record)
        self.knownOutline = outline
        return outline
    }

    /// The value at a path; `nil` where there is none.
    func value(at path: [RecordStep]) throws -> PersistentValue? {
        try self.explained(path) {
            let outline = try self.outline()
            guard let place = try outline.place(at: path) else { return nil }
            let pickle = try outline.value(at: place, in: self.content.record)
            return PersistentValue(pickle) { self.reference($0) ?? PersistentReference(persistentID: $0) }
        }
    }

    /// What `look` finds in the outline.
    func inspect<Result>(_ path: [RecordStep], _ look: (RecordOutline) throws -> Result) throws -> Result {
        try self.explained(path) { try look(try self.outline()) }
    }

    func set(_ path: [RecordStep], to value: PersistentValue) throws {
        try self.edit(path) { try $0.setting(path, to: self.pickle(value), in: $1) }
    }

    func append(_ value: PersistentValue, at path: [RecordStep]) throws {
        try self.edit(path) { try $0.appending(self.pickle(value), at: path, in: $1) }
    }

    func remove(_ path: [RecordStep]) throws {
        try self.edit(path) { try $0.removing(path, in: $1) }
    }

    private func edit(_ path: [RecordStep], _ change: (RecordOutline, ByteBuffer) throws -> ByteBuffer) throws {
        try self.explained(path) {
            let references = self.content.references
            do {
                let record = try change(try self.outline(), self.content.record)
                let outline = try RecordOutline(record)
                let added = self.content.references
                self.content.references = references
                self.willChange()
                self.content = Content(record: record, references: added)
                self.knownOutline = outline
            } catch {
                self.content.references = references
                throw error
            }
        }
    }

    /// Runs `body`; when it throws, the record is what it was before.
    func atomically(_ body: () throws -> Void) throws {
        let content = self.content
        do {
            try body()
        } catch {
            self.content = content
            self.knownOutline = nil
            throw error
        }
    }

    private func explained<Result>(_ path: [RecordStep], _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let refusal as RecordRefusal {
            let name = DynamicValue.description(of: path, in: self)
            throw StorageError(.invalidArgument, "\(name) \(refusal.problem)", oid: self.oid)
        } catch let error as FormatError {
            throw self.oid.map { error.of($0) } ?? error
        }
    }
}

extension OpaqueObject {
    /// The whole state: where it has attributes, these are read and changed by their names.
    public var attributes: DynamicValue { DynamicValue(object: self, path: []) }

    /// An attribute, which need not be there.
    public subscript(dynamicMember name: String) -> DynamicValue { self.attributes.attribute(name) }
}
