//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import ZODBFormat

extension [PickleItem] {
    /// What a transaction says about itself beside user and description, from the pickle in which storages keep it.
    ///
    /// Only plain data can stand in a message. Items that hold anything else (objects of a class) are left out, and so is
    /// everything where the pickle is no dictionary at all: a transaction that somebody described in an odd way can still
    /// be listed, copied and undone.
    public init(extensionPickle: ByteBuffer) {
        var pickle = extensionPickle
        guard pickle.readableBytes > 0, case .dict(let items) = try? PickleReader(limits: .message).read(from: &pickle)
        else {
            self = []
            return
        }
        var room = PickleMarshal.room(forMessageOf: extensionPickle.readableBytes)
        self = items.filter { item in
            (try? PickleMarshal.check(item.key, &room)) != nil && (try? PickleMarshal.check(item.value, &room)) != nil
        }
    }
}
