//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import ZConfig

extension FileQuestions {
    /// The answers of the file system that this process sees.
    static let system = FileQuestions(
        exists: { FileManager.default.fileExists(atPath: $0) },
        isDirectory: { path in
            var isDirectory: ObjCBool = false
            return unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
                && isDirectory.boolValue
        },
        home: { user in user.map { NSHomeDirectoryForUser($0) } ?? NSHomeDirectory() }
    )
}
