//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// A system call on a file that failed.
package struct FileError: Error, Hashable, CustomStringConvertible {
    /// What was tried: "open", "write", …
    package var operation: String
    package var path: String
    /// The system's error number.
    package var code: Int32

    package var description: String { "\(self.operation) \(self.path): \(systemMessage(self.code))" }
}
