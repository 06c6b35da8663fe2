//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A new folder that only this user can enter, and that is gone when this object is.
final class TemporaryFolder: Sendable {
    let path: String

    /// A folder whose name ends in `suffix`, in the folder for temporary files.
    init(suffix: String) throws {
        let parent = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
        let path = "\(parent)/zodb-\(String(UInt64.random(in: .min ... .max), radix: 16))\(suffix)"
        try systemCall("mkdir", path) { unsafe mkdir(path, 0o700) }
        self.path = path
    }

    deinit {
        self.remove()
    }

    /// Removes the folder and everything in it.
    func remove() {
        try? FileSystem.removeTree(self.path)
    }
}
