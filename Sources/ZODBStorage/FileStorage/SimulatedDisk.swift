//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

/// Something that this module does to a disk, and that a disk may do later than it says, in part, or not at all.
enum DiskChange: Sendable {
    /// Opens a file that may have to be made.
    case open(String)
    /// Makes a file.
    case create(String)
    case write(ByteBuffer, at: Int, of: FileIdentity)
    case truncate(FileIdentity, to: Int)
    /// Makes the contents of a file last.
    case synchronize(FileIdentity)
    case remove(String)
    case rename(String, to: String)
    case link(String, to: String)
    case makeFolder(String)
    case removeFolder(String)
    /// Makes the names in a folder last.
    case synchronizeFolder(String)
}

/// A disk between this module and the system's.
///
/// A seam: tests put a disk there that remembers what is done to it, and forgets some of it when the power fails, or one
/// that refuses. Every change to a file or a name goes through here, permissions and owners excepted.
protocol SimulatedDisk: Sendable {
    /// Makes a change by calling `body`, or does not, or throws what the system would say.
    func make(_ change: DiskChange, _ body: () throws(FileError) -> Void) throws(FileError)

    /// The most bytes that one system call writes at once.
    var longestWrite: Int { get }
}

/// The disks that tests have put behind folders. Outside tests there are none, and nobody looks further.
enum SimulatedDisks {
    private static let disks = Mutex<[(folder: String, disk: any SimulatedDisk)]>([])
    private static let count = Atomic(0)

    /// Puts a disk behind everything in a folder, until `body` ends.
    static func with<Result>(
        _ disk: any SimulatedDisk,
        behind folder: String,
        isolation: isolated (any Actor)? = #isolation,
        _ body: () async throws -> Result
    ) async rethrows -> Result {
        self.disks.withLock { $0.append((folder + "/", disk)) }
        self.count.add(1, ordering: .sequentiallyConsistent)
        defer {
            self.count.subtract(1, ordering: .sequentiallyConsistent)
            self.disks.withLock { disks in disks.removeAll { $0.folder == folder + "/" } }
        }
        return try await body()
    }

    /// The disk behind a path; `nil` for the system's.
    static func disk(of path: String) -> (any SimulatedDisk)? {
        guard self.count.load(ordering: .relaxed) > 0 else { return nil }
        return self.disks.withLock { disks in disks.first { path.hasPrefix($0.folder) }?.disk }
    }

    /// Makes a change at a path: on the disk that is behind it, or at once.
    static func make(
        _ change: @autoclosure () -> DiskChange,
        at path: String,
        _ body: () throws(FileError) -> Void
    ) throws(FileError) {
        guard let disk = Self.disk(of: path) else { return try body() }
        try disk.make(change(), body)
    }
}
