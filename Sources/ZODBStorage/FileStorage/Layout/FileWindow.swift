//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// A part of a file held in memory, moved along as a scan asks for bytes elsewhere.
///
/// It knows the file through a closure alone, and believes the size that it was given: what is appended later does not
/// exist for it.
struct FileWindow {
    /// The size of the file in bytes.
    let size: Int
    private let windowSize: Int
    private let read: (_ position: Int, _ count: Int) throws -> ByteBuffer
    private var window = ByteBuffer()
    private var start = 0

    /// A window of `windowSize` bytes on a file of `size` bytes. `read` may return fewer bytes than it is asked for at
    /// the end of the file only.
    init(size: Int, windowSize: Int, read: @escaping (_ position: Int, _ count: Int) throws -> ByteBuffer) {
        self.size = size
        self.windowSize = windowSize
        self.read = read
    }

    /// The `count` bytes at `position`; `nil` when the file ends before.
    mutating func bytes(at position: Int, count: Int) throws -> ByteBuffer? {
        guard position >= 0, count >= 0, position <= self.size, count <= self.size - position else { return nil }
        let end = self.start + self.window.readableBytes
        if position < self.start || position + count > end {
            // A scan that goes backwards finds what comes next in front of what it asks for.
            let first = position < self.start ? max(0, min(position, position + count - self.windowSize)) : position
            self.window = try self.read(first, min(max(count, self.windowSize), self.size - first))
            self.start = first
        }
        return self.window.getSlice(at: self.window.readerIndex + position - self.start, length: count)
    }
}
