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

/// What the system says about an error number.
func systemMessage(_ code: Int32) -> String {
    guard let message = unsafe strerror(code) else { return "error \(code)" }
    return unsafe String(cString: message)
}

/// The number of the error that the last system call of this thread met.
var systemError: Int32 { errno }

/// The identity of this process.
package var processIdentifier: Int32 { getpid() }

/// Makes system calls until one is not interrupted by a signal, and turns its failure into an error.
@discardableResult
func systemCall<Result: SignedInteger>(
    _ operation: String,
    _ path: String,
    _ call: () -> Result
) throws(FileError) -> Result {
    while true {
        let result = call()
        if result >= 0 { return result }
        let code = systemError
        if code != EINTR { throw FileError(operation: operation, path: path, code: code) }
    }
}

/// Names of files and what is done to them as a whole.
package enum FileSystem {
    /// The folder that a path is in.
    package static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The path from the root of the file system, so that it means the same wherever the process goes.
    package static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let folder = unsafe getcwd(nil, 0) else { return path }
        defer { unsafe free(folder) }
        return unsafe String(cString: folder) + "/" + path
    }

    /// Whether there is anything at a path that can be reached.
    package static func exists(_ path: String) -> Bool {
        unsafe access(path, F_OK) == 0
    }

    /// Whether the system says that there is no file at a path; false when it cannot be reached for another reason.
    package static func isMissing(_ path: String) -> Bool {
        unsafe access(path, F_OK) != 0 && systemError == ENOENT
    }

    /// Whether there is a folder at a path.
    package static func isFolder(_ path: String) -> Bool {
        var information = stat()
        return unsafe stat(path, &information) == 0 && information.st_mode & S_IFMT == S_IFDIR
    }

    /// Whether two paths lead to one file that exists.
    package static func isSameFile(_ path: String, _ other: String) -> Bool {
        var (first, second) = (stat(), stat())
        guard unsafe stat(path, &first) == 0, unsafe stat(other, &second) == 0 else { return false }
        return first.st_dev == second.st_dev && first.st_ino == second.st_ino
    }

    /// The home folder of a user, or with `nil` of this one; `nil` where there is none.
    package static func home(of user: String?) -> String? {
        if user == nil, let home = unsafe getenv("HOME") { return unsafe String(cString: home) }
        var entry = unsafe passwd()
        var found: UnsafeMutablePointer<passwd>?
        var space = [CChar](repeating: 0, count: 1 << 14)
        return unsafe space.withUnsafeMutableBufferPointer { space in
            let status =
                if let user {
                    unsafe getpwnam_r(user, &entry, space.baseAddress!, space.count, &found)
                } else {
                    unsafe getpwuid_r(getuid(), &entry, space.baseAddress!, space.count, &found)
                }
            guard status == 0, unsafe found != nil, let home = unsafe entry.pw_dir else { return nil }
            return unsafe String(cString: home)
        }
    }

    /// Removes a file. It is no error when there is none.
    package static func remove(_ path: String) throws(FileError) {
        do {
            try SimulatedDisks.make(.remove(path), at: path) { () throws(FileError) in
                try systemCall("remove", path) { unsafe unlink(path) }
            }
        } catch  where error.code == ENOENT {}
    }

    /// Gives a file another name, replacing what had that name.
    package static func rename(_ path: String, to newPath: String) throws(FileError) {
        try SimulatedDisks.make(.rename(path, to: newPath), at: newPath) { () throws(FileError) in
            #if canImport(Glibc)
            try systemCall("rename", path) { unsafe Glibc.rename(path, newPath) }
            #elseif canImport(Musl)
            try systemCall("rename", path) { unsafe Musl.rename(path, newPath) }
            #else
            try systemCall("rename", path) { unsafe Darwin.rename(path, newPath) }
            #endif
        }
    }

    /// The path of the file that a path leads to over symbolic links.
    package static func resolved(_ path: String) throws(FileError) -> String {
        guard let resolved = unsafe realpath(path, nil) else {
            throw FileError(operation: "resolve", path: path, code: systemError)
        }
        defer { unsafe free(resolved) }
        return unsafe String(cString: resolved)
    }

    /// Returns when the names in the folder of a file would survive a loss of power.
    package static func synchronizeFolder(of path: String) throws(FileError) {
        let folder = Self.folder(of: path)
        try SimulatedDisks.make(.synchronizeFolder(folder), at: folder + "/") { () throws(FileError) in
            let descriptor = try systemCall("open", folder) { unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
            defer { close(descriptor) }
            try systemCall("fsync", folder) { fsync(descriptor) }
        }
    }
}
