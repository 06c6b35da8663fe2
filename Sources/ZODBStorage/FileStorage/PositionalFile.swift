//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

package import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// An open file that is read and written at positions, by any number of threads at once. It is closed when the last
/// user lets go of it, so that nobody reads from a descriptor that has become somebody else's.
package final class PositionalFile: AppendableFile {
    /// How a file is opened.
    package enum Mode {
        case read
        case readWrite
        /// Reading and writing a file that may have to be made.
        case readWriteOrCreate
        /// Reading and writing a new file; it is an error when there is one.
        case create

        var flags: Int32 {
            switch self {
            case .read: O_RDONLY
            case .readWrite: O_RDWR
            case .readWriteOrCreate: O_RDWR | O_CREAT
            case .create: O_RDWR | O_CREAT | O_EXCL
            }
        }

        /// What opening a file so may change on the disk.
        func change(_ path: String) -> DiskChange? {
            switch self {
            case .read, .readWrite: nil
            case .readWriteOrCreate: .open(path)
            case .create: .create(path)
            }
        }
    }

    /// The most bytes that one buffer may hold; its capacity is a power of two below 4 GiB.
    static let maximumCount = Int(UInt32.max) / 2

    package let path: String
    private let descriptor: Int32
    /// What stands between this file and the system, in tests alone.
    private let simulated: (disk: any SimulatedDisk, identity: FileIdentity)?

    /// Opens the file at `path`. Messages call it `name`, where it is to have another name soon.
    package init(_ path: String, _ mode: Mode, name: String? = nil) throws(FileError) {
        self.path = name ?? path
        let flags = mode.flags | O_CLOEXEC
        let disk = SimulatedDisks.disk(of: path)
        if let disk, let change = mode.change(path) {
            var opened: Int32 = -1
            try disk.make(change) { () throws(FileError) in
                opened = try systemCall("open", path) { unsafe open(path, flags, 0o666) }
            }
            self.descriptor = opened
        } else {
            self.descriptor = try systemCall("open", path) { unsafe open(path, flags, 0o666) }
        }
        guard let disk else {
            self.simulated = nil
            return
        }
        self.simulated = (disk, try FileIdentity(ofDescriptor: self.descriptor, path: path))
    }

    deinit {
        close(self.descriptor)
    }

    /// Which file this is.
    func identity() throws(FileError) -> FileIdentity {
        try FileIdentity(ofDescriptor: self.descriptor, path: self.path)
    }

    /// Gives this file the permissions of another one, and its owner where the system lets us.
    package func takePermissions(of other: PositionalFile) throws(FileError) {
        var information = stat()
        let (descriptor, source) = (self.descriptor, other.descriptor)
        try systemCall("stat", other.path) { unsafe fstat(source, &information) }
        _ = fchown(descriptor, information.st_uid, information.st_gid)
        let mode = information.st_mode & 0o7777
        try systemCall("chmod", self.path) { fchmod(descriptor, mode) }
    }

    /// The length in bytes.
    package func size() throws(FileError) -> Int {
        let (descriptor, path) = (self.descriptor, self.path)
        return Int(try systemCall("seek", path) { lseek(descriptor, 0, SEEK_END) })
    }

    /// The bytes at a position: `count` of them, or as many as there are before the end of the file.
    ///
    /// Throws when `count` is more than `maximumCount`, as a damaged length may be.
    package func read(at position: Int, count: Int) throws(FileError) -> ByteBuffer {
        var buffer = ByteBuffer()
        guard count > 0 else { return buffer }
        guard count <= Self.maximumCount else { throw FileError(operation: "read", path: self.path, code: EFBIG) }
        buffer.reserveCapacity(count)
        let (descriptor, path) = (self.descriptor, self.path)
        while buffer.readableBytes < count {
            let done = buffer.readableBytes
            var failure: FileError?
            let read = unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count - done) { space in
                do throws(FileError) {
                    return try systemCall("read", path) {
                        unsafe pread(descriptor, space.baseAddress, count - done, off_t(position + done))
                    }
                } catch {
                    failure = error
                    return 0
                }
            }
            if let failure { throw failure }
            if read == 0 { break }
        }
        return buffer
    }

    package func write(_ bytes: ByteBuffer, at position: Int) throws {
        var rest = bytes
        var position = position
        while rest.readableBytes > 0 {
            let piece =
                self.simulated.flatMap {
                    rest.getSlice(at: rest.readerIndex, length: min(rest.readableBytes, $0.disk.longestWrite))
                } ?? rest
            var written = 0
            try self.change({ .write(piece, at: position, of: $0) }) { () throws(FileError) in
                written = try self.writeSome(piece, at: position)
            }
            rest.moveReaderIndex(forwardBy: written)
            position += written
        }
    }

    /// Writes at least one byte, and returns how many it were.
    private func writeSome(_ bytes: ByteBuffer, at position: Int) throws(FileError) -> Int {
        let (descriptor, path) = (self.descriptor, self.path)
        let written = try unsafe bytes.withUnsafeReadableBytes { all throws(FileError) in
            try systemCall("write", path) { unsafe pwrite(descriptor, all.baseAddress, all.count, off_t(position)) }
        }
        // A device that takes nothing and reports nothing would be asked for ever.
        guard written > 0 else { throw FileError(operation: "write", path: path, code: ENOSPC) }
        return written
    }

    package func synchronize() throws {
        let (descriptor, path) = (self.descriptor, self.path)
        try self.change({ .synchronize($0) }) { () throws(FileError) in
            #if canImport(Darwin)
            try systemCall("fsync", path) { fcntl(descriptor, F_FULLFSYNC) }
            #else
            try systemCall("fdatasync", path) { fdatasync(descriptor) }
            #endif
        }
    }

    package func truncate(to length: Int) throws {
        let (descriptor, path) = (self.descriptor, self.path)
        try self.change({ .truncate($0, to: length) }) { () throws(FileError) in
            try systemCall("truncate", path) { ftruncate(descriptor, off_t(length)) }
        }
    }

    /// Changes the file by calling `body`, or asks the disk of a test to.
    private func change(
        _ change: (FileIdentity) -> DiskChange,
        _ body: () throws(FileError) -> Void
    ) throws(FileError) {
        guard let simulated else { return try body() }
        try simulated.disk.make(change(simulated.identity), body)
    }

    /// Takes the system's advisory lock (flock) on the whole file for this opening of it alone; false when another
    /// opening has it.
    package func tryLock() throws(FileError) -> Bool {
        let descriptor = self.descriptor
        do {
            try systemCall("lock", self.path) { flock(descriptor, LOCK_EX | LOCK_NB) }
            return true
        } catch  where error.code == EWOULDBLOCK {
            return false
        }
    }

    /// Gives the advisory lock back.
    package func unlock() {
        flock(self.descriptor, LOCK_UN)
    }
}
