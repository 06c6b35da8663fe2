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

extension FileError {
    /// Whether the system said that there is no such file or folder.
    package var isMissing: Bool { self.code == ENOENT }

    /// Whether the system said that a file cannot have a second name there.
    var saysThatLinksAreImpossible: Bool {
        [EXDEV, EPERM, EMLINK, EACCES, ENOTSUP, ENOSYS].contains(self.code)
    }
}

extension FileSystem {
    /// The permissions that are those of reading, and those of writing, for owner, group and others.
    package static let readPermissions: UInt32 = 0o444
    package static let writePermissions: UInt32 = 0o222

    /// What the system knows of a file or folder.
    package struct Information {
        package var isFile: Bool
        package var isFolder: Bool
        /// The lower twelve bits of the mode.
        package var permissions: UInt32
        package var size: Int
        /// When the file was last read, and when last written, in nanoseconds since 1970.
        package var accessed: Int
        package var modified: Int
    }

    /// What there is at a path, symbolic links not followed; `nil` where there is nothing.
    package static func information(_ path: String) throws(FileError) -> Information? {
        var information = stat()
        do {
            try systemCall("stat", path) { unsafe lstat(path, &information) }
        } catch  where error.code == ENOENT || error.code == ENOTDIR {
            return nil
        }
        #if canImport(Darwin)
        let (accessed, modified) = (information.st_atimespec, information.st_mtimespec)
        #else
        let (accessed, modified) = (information.st_atim, information.st_mtim)
        #endif
        return Information(
            isFile: information.st_mode & S_IFMT == S_IFREG,
            isFolder: information.st_mode & S_IFMT == S_IFDIR,
            permissions: UInt32(information.st_mode & 0o7777),
            size: Int(information.st_size),
            accessed: Self.nanoseconds(accessed),
            modified: Self.nanoseconds(modified)
        )
    }

    /// The time that files get, in nanoseconds since 1970.
    package static var now: Int {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Self.nanoseconds(time)
    }

    private static func nanoseconds(_ time: timespec) -> Int { Int(time.tv_sec) * 1_000_000_000 + Int(time.tv_nsec) }

    /// Notes that a file has just been used, for whoever removes what was not used for long. False when there is none.
    package static func noteAccess(_ path: String) throws(FileError) -> Bool {
        guard let information = try Self.information(path) else { return false }
        let times = [Self.now, information.modified].map {
            timespec(tv_sec: $0 / 1_000_000_000, tv_nsec: $0 % 1_000_000_000)
        }
        do throws(FileError) {
            try systemCall("touch", path) { unsafe utimensat(AT_FDCWD, path, times, 0) }
            return true
        } catch  where error.code == ENOENT || error.code == ENOTDIR {
            return false
        } catch  where error.code == EPERM || error.code == EACCES || error.code == EROFS {
            // Somebody else's file: it can be read all the same.
            return Self.exists(path)
        }
    }

    /// Makes a folder, and those that it is in, where they are missing; each new name survives a loss of power when this
    /// returns.
    package static func makeFolders(_ path: String) throws(FileError) {
        if Self.isFolder(path) { return }
        let parent = Self.folder(of: path)
        if parent != path, parent != "." { try Self.makeFolders(parent) }
        do {
            try SimulatedDisks.make(.makeFolder(path), at: path) { () throws(FileError) in
                try systemCall("mkdir", path) { unsafe mkdir(path, 0o777) }
            }
        } catch  where error.code == EEXIST {
            // Somebody else was quicker. If it is no folder, whatever wants to be in it will say so.
            return
        }
        try Self.synchronizeFolder(of: path)
    }

    /// The names in a folder, sorted, without `.` and `..`; none where there is no folder.
    package static func names(in folder: String) throws(FileError) -> [String] {
        guard let stream = unsafe opendir(folder) else {
            let code = systemError
            if code == ENOENT { return [] }
            throw FileError(operation: "open", path: folder, code: code)
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { field in
                unsafe field.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: field.pointee)) {
                    unsafe String(cString: $0)
                }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Removes a folder if it is empty; false when it is not, or is not there.
    @discardableResult
    package static func removeEmptyFolder(_ path: String) throws(FileError) -> Bool {
        do {
            try SimulatedDisks.make(.removeFolder(path), at: path) { () throws(FileError) in
                try systemCall("rmdir", path) { unsafe rmdir(path) }
            }
            return true
        } catch  where [ENOTEMPTY, EEXIST, ENOENT].contains(error.code) {
            return false
        }
    }

    /// Removes whatever there is at a path, with everything in it. Symbolic links are removed, not followed.
    package static func removeTree(_ path: String) throws(FileError) {
        guard let information = try Self.information(path) else { return }
        guard information.isFolder else { return try Self.remove(path) }
        for name in try Self.names(in: path) { try Self.removeTree(path + "/" + name) }
        try Self.removeEmptyFolder(path)
    }

    /// Gives a file a second name.
    package static func link(_ path: String, to newPath: String) throws(FileError) {
        try SimulatedDisks.make(.link(path, to: newPath), at: newPath) { () throws(FileError) in
            #if canImport(Glibc)
            try systemCall("link", newPath) { unsafe Glibc.link(path, newPath) }
            #elseif canImport(Musl)
            try systemCall("link", newPath) { unsafe Musl.link(path, newPath) }
            #else
            try systemCall("link", newPath) { unsafe Darwin.link(path, newPath) }
            #endif
        }
    }

    /// Changes the permissions of a file.
    package static func setPermissions(of path: String, to permissions: UInt32) throws(FileError) {
        try systemCall("chmod", path) { unsafe chmod(path, mode_t(permissions)) }
    }

    /// Moves a file, or copies it where it cannot be given the new name because that is on another file system or
    /// another owner's. The bytes that are in memory at once are few.
    package static func move(_ path: String, to newPath: String) throws {
        do {
            try Self.rename(path, to: newPath)
        } catch  where [EXDEV, EPERM, EACCES].contains(error.code) {
            try Self.copy(path, to: newPath)
            try Self.remove(path)
        }
    }

    /// Gives a file a second name, or copies it where it cannot have one.
    package static func linkOrCopy(_ path: String, to newPath: String) throws {
        do {
            try Self.link(path, to: newPath)
        } catch  where error.saysThatLinksAreImpossible {
            try Self.copy(path, to: newPath)
        }
    }

    /// Copies a file to a path where there is none. The bytes that are in memory at once are few.
    package static func copy(_ path: String, to newPath: String) throws {
        let source = try PositionalFile(path, .read)
        let target = try PositionalFile(newPath, .create)
        do {
            var position = 0
            while true {
                let bytes = try source.read(at: position, count: 1 << 20)
                if bytes.readableBytes == 0 { break }
                try target.write(bytes, at: position)
                position += bytes.readableBytes
            }
        } catch {
            try? Self.remove(newPath)
            throw error
        }
    }
}
