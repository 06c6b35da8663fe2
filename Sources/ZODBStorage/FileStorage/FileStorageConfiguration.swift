//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import Logging

/// Which data file a `FileStorage` opens, and how.
public struct FileStorageConfiguration: Sendable {
    /// The path of the data file, relative to the working directory. The names of the files beside it (`.index`,
    /// `.lock`, `.tr0`, …) begin with it.
    public var path: String

    /// Whether to begin with an empty file, **throwing away** what is there. Default: false; a file that is not there
    /// is made anyway, except for reading only.
    public var create: Bool

    /// Whether to only read the file. No lock is taken then, and nothing on disk is changed; what another process
    /// commits later is not seen. Default: false.
    public var readOnly: Bool

    /// The directory that holds the blobs; it is made when it is missing, and `create` empties it. Default: `nil`, the
    /// storage keeps no blobs.
    public var blobDirectory: String?

    /// The largest size of the file in bytes: a transaction with an object that would begin behind it is refused.
    /// Default: `nil`, no limit.
    public var quota: Int?

    /// Whether a pack removes objects that cannot be reached from the root object, unless its request says otherwise.
    /// Switch it off for a database that others refer to. Default: true.
    public var packGC: Bool

    /// Whether a pack keeps the file as it was, under its name with `.old`. Default: true, as in ZODB.
    public var packKeepOld: Bool

    /// Whether commits are synchronised twice: what they write, and then the bytes that say that they are committed.
    ///
    /// Without that, a loss of power in the middle of a commit may leave one of which some pieces are missing, where the
    /// file system makes a file longer before the new bytes are on disk in their order. As Python's FileStorage does,
    /// the default relies on a file system that does not (ext4 in its default mode, XFS, Btrfs, ZFS). What was
    /// acknowledged is safe either way. Default: false.
    public var synchronizesTwice = false

    /// Where to report what was cut off or rebuilt when the file was opened, and how packs go. Default: nowhere.
    public var logger: Logger?

    /// Who is told how long the file system took to make transactions durable. Default: nobody.
    public var writeObserver: (any StorageWriteObserver)?

    /// A configuration for the file at `path`.
    public init(
        path: String,
        create: Bool = false,
        readOnly: Bool = false,
        blobDirectory: String? = nil,
        quota: Int? = nil,
        packGC: Bool = true,
        packKeepOld: Bool = true,
        logger: Logger? = nil
    ) {
        self.path = path
        self.create = create
        self.readOnly = readOnly
        self.blobDirectory = blobDirectory
        self.quota = quota
        self.packGC = packGC
        self.packKeepOld = packKeepOld
        self.logger = logger
    }
}
