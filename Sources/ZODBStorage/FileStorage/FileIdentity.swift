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

/// Which file something is, whatever its names: two that are equal are one file.
struct FileIdentity: Hashable, Sendable {
    private var device: UInt64
    private var number: UInt64

    /// The identity of the file at `path`, or of what a symbolic link there leads to.
    init(ofFileAt path: String) throws(FileError) {
        var information = stat()
        try systemCall("stat", path) { unsafe stat(path, &information) }
        self.init(information)
    }

    /// The identity of an open file; `path` is for messages.
    init(ofDescriptor descriptor: Int32, path: String) throws(FileError) {
        var information = stat()
        try systemCall("stat", path) { unsafe fstat(descriptor, &information) }
        self.init(information)
    }

    private init(_ information: stat) {
        self.device = UInt64(information.st_dev)
        self.number = UInt64(information.st_ino)
    }
}
