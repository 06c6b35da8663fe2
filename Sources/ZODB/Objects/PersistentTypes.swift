//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat

/// Which Swift types stand for which Python classes.
enum PersistentTypes {
    /// Makes the object that a record describes. What it throws are `FormatError`s.
    typealias Maker = @Sendable (_ classDescription: PickleValue, _ state: PickleValue) throws -> PersistentObject

    /// What makes objects of the classes that Swift has a type for, under every name that Python has ever written for
    /// them. Each type that belongs here adds a line.
    static let makers: [PickleGlobal: Maker] = [
        PersistentMapping.makers,
        Length.makers,
        PersistentList.makers,
        Blob.makers,
    ].reduce(into: BTrees.makers) { known, makers in
        known.merge(makers) { _, _ in preconditionFailure("two Swift types stand for one Python class") }
    }
}

extension PersistentMapping {
    /// For `PersistentTypes`.
    static var makers: [PickleGlobal: PersistentTypes.Maker] {
        var makers: [PickleGlobal: PersistentTypes.Maker] = [:]
        for name in self.knownClasses {
            makers[name] = { try PersistentMapping(classDescription: $0, state: $1) }
        }
        return makers
    }
}

extension PersistentList {
    /// For `PersistentTypes`.
    static var makers: [PickleGlobal: PersistentTypes.Maker] {
        var makers: [PickleGlobal: PersistentTypes.Maker] = [:]
        for name in self.knownClasses {
            makers[name] = { try PersistentList(classDescription: $0, state: $1) }
        }
        return makers
    }
}
