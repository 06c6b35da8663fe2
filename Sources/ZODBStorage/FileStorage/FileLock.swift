//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The lock that keeps a second process from writing the same data file: a file beside it, locked with flock, that
/// holds the identity of the process. Python's storages (`zc.lockfile`) take the same one.
///
/// The file stays when the lock is released; a lock is what the system says, not that there is a file.
package final class FileLock: Sendable {
    private let file: PositionalFile

    /// Takes the lock for the data file at `path`.
    ///
    /// Throws `StorageError.locked` when somebody has it, in this process or another.
    package init(for path: String) throws {
        let lockPath = path + ".lock"
        self.file = try PositionalFile(lockPath, .readWriteOrCreate)
        guard try self.file.tryLock() else {
            throw StorageError(
                .locked,
                "\(path) is open for writing already\(Self.owner(in: self.file)): \(lockPath) is locked"
            )
        }
        try self.sign()
    }

    /// Takes the lock whose file is at `lockPath`; `nil` when somebody has it, in this process or another.
    package init?(ifFreeAt lockPath: String) throws {
        self.file = try PositionalFile(lockPath, .readWriteOrCreate)
        guard try self.file.tryLock() else { return nil }
        try self.sign()
    }

    private func sign() throws {
        let content = ByteBuffer(string: " \(processIdentifier)\n")
        try self.file.write(content, at: 0)
        try self.file.truncate(to: content.readableBytes)
    }

    /// Who has the data file at `path` open for writing, as words to put into a sentence (", by process 17" or nothing);
    /// `nil` when nobody has.
    ///
    /// The lock is tried for a moment, in which nobody else could take it: not to be asked without need.
    static func owner(of path: String) throws -> String? {
        guard FileSystem.exists(path + ".lock") else { return nil }
        let file = try PositionalFile(path + ".lock", .read)
        guard try !file.tryLock() else {
            file.unlock()
            return nil
        }
        return Self.owner(in: file)
    }

    private static func owner(in file: PositionalFile) -> String {
        let digits = (try? file.read(at: 0, count: 64)).map { String(buffer: $0).filter(\.isNumber) } ?? ""
        return digits.isEmpty ? "" : ", by process \(digits)"
    }

    deinit {
        self.release()
    }

    /// Gives the lock back.
    package func release() {
        self.file.unlock()
    }
}
