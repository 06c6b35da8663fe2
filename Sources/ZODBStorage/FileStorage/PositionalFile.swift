//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// An open file that is read and written at positions, by any number of threads at once. It is closed when the last
/// user lets go of it, so that nobody reads from a descriptor that has become somebody else's.
final class PositionalFile: AppendableFile {
    /// How a file is opened.
    enum Mode {
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
    }

    /// The most bytes that one buffer may hold; its capacity is a power of two below 4 GiB.
    static let maximumCount = Int(UInt32.max) / 2

    let path: String
    private let descriptor: Int32

    /// Opens the file at `path`. Messages call it `name`, where it is to have another name soon.
    init(_ path: String, _ mode: Mode, name: String? = nil) throws(FileError) {
        self.path = name ?? path
        let mode = mode.flags | O_CLOEXEC
        self.descriptor = try systemCall("open", path) { unsafe open(path, mode, 0o666) }
    }

    deinit {
        close(self.descriptor)
    }

    /// Which file this is.
    func identity() throws(FileError) -> FileIdentity {
        try FileIdentity(ofDescriptor: self.descriptor, path: self.path)
    }

    /// Gives this file the permissions of another one, and its owner where the system lets us.
    func takePermissions(of other: PositionalFile) throws(FileError) {
        var information = stat()
        let (descriptor, source) = (self.descriptor, other.descriptor)
        try systemCall("stat", other.path) { unsafe fstat(source, &information) }
        _ = fchown(descriptor, information.st_uid, information.st_gid)
        let mode = information.st_mode & 0o7777
        try systemCall("chmod", self.path) { fchmod(descriptor, mode) }
    }

    /// The length in bytes.
    func size() throws(FileError) -> Int {
        let (descriptor, path) = (self.descriptor, self.path)
        return Int(try systemCall("seek", path) { lseek(descriptor, 0, SEEK_END) })
    }

    /// The bytes at a position: `count` of them, or as many as there are before the end of the file.
    ///
    /// Throws when `count` is more than `maximumCount`, as a damaged length may be.
    func read(at position: Int, count: Int) throws(FileError) -> ByteBuffer {
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

    func write(_ bytes: ByteBuffer, at position: Int) throws {
        let (descriptor, path) = (self.descriptor, self.path)
        try unsafe bytes.withUnsafeReadableBytes { all in
            var done = 0
            while done < all.count {
                let rest = unsafe UnsafeRawBufferPointer(rebasing: all[done...])
                let written = try systemCall("write", path) {
                    unsafe pwrite(descriptor, rest.baseAddress, rest.count, off_t(position + done))
                }
                // A device that takes nothing and reports nothing would be asked for ever.
                guard written > 0 else { throw FileError(operation: "write", path: path, code: ENOSPC) }
                done += written
            }
        }
    }

    func synchronize() throws {
        let descriptor = self.descriptor
        #if canImport(Darwin)
        try systemCall("fsync", self.path) { fcntl(descriptor, F_FULLFSYNC) }
        #else
        try systemCall("fdatasync", self.path) { fdatasync(descriptor) }
        #endif
    }

    func truncate(to length: Int) throws {
        let descriptor = self.descriptor
        try systemCall("truncate", self.path) { ftruncate(descriptor, off_t(length)) }
    }

    /// Takes the system's advisory lock (flock) on the whole file for this opening of it alone; false when another
    /// opening has it.
    func tryLock() throws(FileError) -> Bool {
        let descriptor = self.descriptor
        do {
            try systemCall("lock", self.path) { flock(descriptor, LOCK_EX | LOCK_NB) }
            return true
        } catch  where error.code == EWOULDBLOCK {
            return false
        }
    }

    /// Gives the advisory lock back.
    func unlock() {
        flock(self.descriptor, LOCK_UN)
    }
}
