//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// What a transaction says about itself.
public struct TransactionMetadata: Hashable, Sendable {
    /// Who committed it: UTF-8 by custom, at most 65,535 bytes.
    public var user: ByteBuffer
    /// What it did: UTF-8 by custom, at most 65,535 bytes.
    public var description: ByteBuffer
    /// A pickled dictionary of anything else, at most 65,535 bytes; empty when there is nothing else.
    public var extensionData: ByteBuffer

    /// What a transaction says about itself; nothing unless said otherwise.
    public init(user: ByteBuffer = .init(), description: ByteBuffer = .init(), extensionData: ByteBuffer = .init()) {
        self.user = user
        self.description = description
        self.extensionData = extensionData
    }
}
