//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Builds and verifies the index file beside a data file that nobody has open for writing.
package enum DataFileIndexer {
    /// What became of the index file.
    package enum Outcome: Hashable, Sendable {
        /// It says what is in the data file.
        case right(objects: Int)
        /// It is there, and wrong or outdated, for this reason.
        case wrong(String)
        /// There is none.
        case missing
        /// It was written.
        case written(objects: Int, end: Int)
    }

    /// Compares the index file with the data file, and changes nothing.
    package static func verify(_ path: String) throws -> Outcome {
        let indexPath = IndexFile.path(for: path)
        guard FileSystem.exists(indexPath) else { return .missing }
        let saved: IndexFile.Contents
        do { saved = try IndexFile.read(indexPath) } catch { return .wrong("it cannot be read: \(error)") }
        return try Self.compare(saved, with: Self.scan(path).contents)
    }

    /// Writes the index file anew where it is not right already. The data file is not changed.
    ///
    /// Throws `StorageError.locked` when the file is open for writing, and `.corrupted` when it is damaged elsewhere
    /// than at its end. `tornEnd` is told why the last bytes of the file are not in the index, if they are not.
    package static func build(_ path: String, tornEnd: (String) -> Void) throws -> Outcome {
        // Where there is nothing to index, no lock file is to be left behind.
        _ = try PositionalFile(path, .read)
        let lock = try FileLock(for: path)
        defer { lock.release() }
        let (contents, torn) = try Self.scan(path)
        if let torn { tornEnd(torn) }
        let indexPath = IndexFile.path(for: path)
        if let saved = try? IndexFile.read(indexPath), case .right(let objects) = Self.compare(saved, with: contents) {
            return .right(objects: objects)
        }
        try IndexFile.write(contents, to: indexPath)
        return .written(objects: contents.table.count, end: contents.end)
    }

    private static func scan(_ path: String) throws -> (contents: IndexFile.Contents, torn: String?) {
        let input = try DataFileInput(path)
        if input.size > 0, let fault = try input.formatFault() {
            throw StorageError(.unsupportedFormat, "\(path): \(fault.problem)")
        }
        var recovery = Recovery(input.window(1 << 20), path: path)
        var table = ObjectIndexTable()
        let outcome = try recovery.scan { transaction in
            for object in transaction.objects { table.set(object.oid, object.position) }
        }
        return (IndexFile.Contents(table: table, end: outcome.end), outcome.torn)
    }

    private static func compare(_ saved: IndexFile.Contents, with contents: IndexFile.Contents) -> Outcome {
        guard saved.end == contents.end else {
            return .wrong("it knows the data file up to \(saved.end), and the last transaction ends at \(contents.end)")
        }
        guard let oid = saved.table.difference(from: contents.table) else { return .right(objects: saved.table.count) }
        let said = saved.table[oid].map { "says that object \(oid) is at \($0)" } ?? "lacks object \(oid)"
        return .wrong("it \(said); \(contents.table[oid].map { "it is at \($0)" } ?? "there is none")")
    }
}
