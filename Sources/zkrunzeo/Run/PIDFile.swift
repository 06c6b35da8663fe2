//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import ZKZEOAsync

/// The file that tells other programs which process the server is.
enum PIDFile {
    /// Writes this process's number, replacing what a predecessor left.
    static func write(to path: String) throws(StopReason) {
        do {
            try Data("\(getpid())\n".utf8).write(to: URL(fileURLWithPath: path))
        } catch {
            throw StopReason(.file, "cannot write the pid file \(path): \(error.systemReason)")
        }
    }

    /// Removes the file, if it still names this process. Whether it did.
    @discardableResult
    static func remove(_ path: String) -> Bool {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8),
            text.trimmingCharacters(in: .whitespacesAndNewlines) == "\(getpid())"
        else { return false }
        return unsafe unlink(path) == 0
    }
}
