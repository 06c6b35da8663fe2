//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZConfig
import ZODBStorage

struct StorageSections {
    static let standard = StorageSections()
    let types = ["filestorage", "mappingstorage"]
    struct Opener {
        var writableFile: String?
        var open: @Sendable () async throws -> any Storage
    }
    func opener(for s: ConfigurationSection) throws(ConfigurationError) -> Opener {
        if s.type == "mappingstorage" { return Opener(writableFile: nil) { MappingStorage() } }
        let p = try s.value("path", as: .nonEmptyString)
        return Opener(writableFile: p) { try await FileStorage.open(.init(path: p)) }
    }
}
