//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// What libzookeeper carries for us where it offers to carry a pointer: the number of a handle and the number of a request.
///
/// It points nowhere, so a callback that comes too late finds no entry instead of freed memory.
struct CallbackToken: Hashable, Sendable {
    /// Names a handle. Never used twice in a process.
    var slot: UInt32
    /// Names a request or a watch of that handle; 0 stands for the handle itself.
    var id: UInt32

    init(slot: UInt32, id: UInt32) {
        self.slot = slot
        self.id = id
    }

    init(_ pointer: UnsafeRawPointer?) {
        let bits = UInt64(UInt(bitPattern: pointer))
        self.init(slot: UInt32(bits >> 32), id: UInt32(truncatingIfNeeded: bits))
    }

    /// The token in the shape of a pointer. Slots begin at 1, so it is never NULL.
    var pointer: UnsafeMutableRawPointer? {
        unsafe UnsafeMutableRawPointer(bitPattern: UInt(UInt64(self.slot) << 32 | UInt64(self.id)))
    }
}
