//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A file with the contents of a blob that no transaction has committed yet.
///
/// It belongs to this object until a storage takes it, and is removed with the object if none does.
public final class UncommittedBlob: Sendable {
    /// `nil` when it has been taken.
    private let file: Mutex<String?>

    /// A blob in the file at `path`, which nobody else may change, rename or remove from now on.
    public init(path: String) {
        self.file = Mutex(path)
    }

    deinit {
        if let path = self.file.withLock({ $0 }) { try? FileSystem.remove(path) }
    }

    /// The path of the file; `nil` when a storage has taken it.
    public var path: String? { self.file.withLock { $0 } }

    /// The file has another path now.
    package func moved(to path: String) {
        self.file.withLock { $0 = path }
    }

    /// Hands the file over: the caller renames or removes it. `nil` when somebody else has it already.
    package func take() -> String? {
        self.file.withLock { file in
            defer { file = nil }
            return file
        }
    }
}
