//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import ZODBFormat

/// A persistent object of a Python class that Swift has no type for: it can be looked at and referred to, and is never
/// rewritten.
public final class OpaqueObject: PersistentObject {
    private let writtenClass: PickleValue
    private var content: PickleValue

    init(classDescription: PickleValue, state: PickleValue) {
        self.writtenClass = classDescription
        self.content = state
        super.init()
    }

    /// What Python makes the object of: a class, or a class and the arguments to make it with.
    public override var classDescription: PickleValue { self.writtenClass }

    /// What Python sets the object's state to.
    public override var state: PickleValue { self.content }

    override func adoption(of state: PickleValue) throws(FormatError) -> () -> Void {
        return { self.content = state }
    }
}
