//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Writes ZooKeeper's "jute" encoding as one frame, its length in front.
struct JuteWriter {
    private var buffer: ByteBuffer

    init(allocator: ByteBufferAllocator = ByteBufferAllocator()) {
        self.buffer = allocator.buffer(capacity: 128)
        self.buffer.writeInteger(Int32(0))
    }

    /// The frame, complete.
    var frame: ByteBuffer {
        var frame = self.buffer
        frame.setInteger(Int32(frame.readableBytes - 4), at: frame.readerIndex)
        return frame
    }

    mutating func int(_ value: Int32) { self.buffer.writeInteger(value) }

    mutating func long(_ value: Int64) { self.buffer.writeInteger(value) }

    mutating func bool(_ value: Bool) { self.buffer.writeInteger(UInt8(value ? 1 : 0)) }

    mutating func bytes(_ value: [UInt8]?) {
        guard let value else { return self.int(-1) }
        self.int(Int32(value.count))
        self.buffer.writeBytes(value)
    }

    mutating func string(_ value: String) {
        self.int(Int32(value.utf8.count))
        self.buffer.writeString(value)
    }

    mutating func vector<Element>(_ elements: [Element], _ element: (inout JuteWriter, Element) -> Void) {
        self.int(Int32(elements.count))
        for each in elements { element(&self, each) }
    }
}
