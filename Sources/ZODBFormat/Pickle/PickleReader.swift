//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Reads pickles of protocols 0 to 5 within bounds, and executes nothing.
public struct PickleReader: Sendable {
    /// A reader with the default bounds.
    public init() {}

    /// Reads one pickle up to and including its STOP and moves the reader index behind it. On an error the index stays.
    public func read(from buffer: inout ByteBuffer) throws(FormatError) -> PickleValue {
        throw FormatError("pickle", "reading is not written yet")
    }
}
