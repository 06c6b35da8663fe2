//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import ZKZEOAsync

/// A word that tells the server of one storage file from all others, kept beside the file.
///
/// A node in ZooKeeper that carries it can only be our own or a predecessor's: whoever else would write it would have to
/// hold the lock of the storage file, which we hold.
enum InstanceToken {
    /// Reads the word that is kept beside `file`, or makes one. Call it with the file's lock held.
    static func ofStorage(at file: String) throws(StopReason) -> String {
        let path = file + ".instance"
        if let text = try? String(contentsOfFile: path, encoding: .utf8) {
            let token = text.trimmingCharacters(in: .whitespacesAndNewlines)
            if !token.isEmpty { return token }
        }
        let token = UUID().uuidString.lowercased()
        do {
            try Data((token + "\n").utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw StopReason(.file, "cannot write \(path): \(error.systemReason)")
        }
        return token
    }
}
