//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import ZODBFormat

// The exceptions of ZODB that cross the wire, in the shapes that Python's clients understand.
extension RemoteException {
    public static let posKeyErrorName = "ZODB.POSException.POSKeyError"
    public static let conflictErrorName = "ZODB.POSException.ConflictError"
    public static let readConflictErrorName = "ZODB.POSException.ReadConflictError"
    public static let readOnlyErrorName = "ZODB.POSException.ReadOnlyError"
    public static let undoErrorName = "ZODB.POSException.UndoError"
    public static let multipleUndoErrorsName = "ZODB.POSException.MultipleUndoErrors"
    public static let storageTransactionErrorName = "ZODB.POSException.StorageTransactionError"

    /// No such object.
    public static func posKeyError(_ oid: ObjectID) -> RemoteException {
        RemoteException(self.posKeyErrorName, .wire(oid))
    }

    /// A transaction that cannot be undone: what stands in the way for each object, or a sentence where it is not about
    /// objects.
    public static func undoErrors(
        _ problems: [(oid: ObjectID, problem: String)],
        message: String
    ) -> RemoteException {
        guard !problems.isEmpty else {
            return RemoteException(
                self.undoErrorName,
                .attributes([
                    PickleItem(.string("_reason"), .string(message)), PickleItem(.string("_oid"), .none),
                ])
            )
        }
        let errors = problems.map { PickleValue.tuple([.wire($0.oid), .string($0.problem)]) }
        return RemoteException(self.multipleUndoErrorsName, .attributes([PickleItem(.string("_errs"), .list(errors))]))
    }

    /// What stands in the way of an undo, object by object.
    public var undoProblems: [(oid: ObjectID, problem: String)] {
        (self[attribute: "_errs"]?.wireElements ?? []).compactMap { error in
            guard let parts = error.wireElements, parts.count == 2, let oid = parts[0].wireOID else { return nil }
            return (oid, parts[1].wireText ?? String(describing: parts[1]))
        }
    }

    /// The storage takes no writes.
    public static let readOnlyError = RemoteException(Self.readOnlyErrorName)

    /// Two transactions changed one object. `className` is the object's class with its module, where it is known.
    public static func conflictError(
        oid: ObjectID?,
        serials: (committed: TransactionID, read: TransactionID)?,
        className: String?
    ) -> RemoteException {
        self.conflict(self.conflictErrorName, "database conflict error", oid, serials, className)
    }

    /// An object that a transaction only read was changed by another one.
    public static func readConflictError(
        oid: ObjectID?,
        serials: (committed: TransactionID, read: TransactionID)?
    ) -> RemoteException {
        self.conflict(self.readConflictErrorName, "database read conflict error", oid, serials, nil)
    }

    private static func conflict(
        _ name: String,
        _ message: String,
        _ oid: ObjectID?,
        _ serials: (committed: TransactionID, read: TransactionID)?,
        _ className: String?
    ) -> RemoteException {
        let attributes: KeyValuePairs<String, PickleValue> = [
            "message": .string(message),
            "oid": oid.map { .wire($0) } ?? .none,
            "class_name": className.map { .string($0) } ?? .none,
            "serials": serials.map { .tuple([.wire($0.committed), .wire($0.read)]) } ?? .none,
        ]
        return RemoteException(name, .attributes(attributes.map { PickleItem(.string($0.key), $0.value) }))
    }

    /// The object that the exception is about: of a `POSKeyError` or a conflict.
    public var oid: ObjectID? {
        switch self.content {
        case .arguments(let arguments): arguments.first?.wireOID
        case .attributes: self[attribute: "oid"]?.wireOID
        }
    }

    /// The committed and the read revision of a conflict.
    public var serials: (committed: TransactionID, read: TransactionID)? {
        guard let parts = self[attribute: "serials"]?.wireElements, parts.count == 2,
            let committed = parts[0].wireTID, let read = parts[1].wireTID
        else { return nil }
        return (committed, read)
    }
}
