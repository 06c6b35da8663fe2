//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat

/// A storage for servers whose clients compress records themselves (Python's `zc.zlibstorage.ServerZlibStorage`).
///
/// Records go in and out as they are. Wherever the storages of this module look into records, to find out what is
/// garbage or to merge conflicts, they understand compressed ones.
public final class ServerZlibStorage: StorageWrapper, CompanionedStorage {
    public let base: any LocalStorage
    public let traits: StorageTraits

    /// Keeps records in `base`.
    public init(_ base: any LocalStorage) {
        self.base = base
        self.traits = base.traits.withWrapperInterface
    }

    func finish(_ vote: VoteID, with companion: (any CommitCompanion)?) async throws -> TransactionID {
        try await self.base.finish(vote, accompaniedBy: companion)
    }

    public func pack(_ request: PackRequest) async throws {
        try await self.base.pack(request.expandingRecords)
    }
}

extension StorageTraits {
    /// The traits of a storage that hands out the same as this one, somehow changed.
    var withWrapperInterface: StorageTraits {
        var traits = self
        if !traits.interfaces.contains("IStorageWrapper") { traits.interfaces.append("IStorageWrapper") }
        return traits
    }
}
