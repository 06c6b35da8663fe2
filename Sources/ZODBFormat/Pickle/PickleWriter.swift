//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Writes values as pickles of protocol 3, which every Python 3 reads and ZODB writes.
public struct PickleWriter: Sendable {
    public init() {}

    /// Appends one whole pickle of `value`, from PROTO to STOP.
    public func write(_ value: PickleValue, into buffer: inout ByteBuffer) {
    }
}
