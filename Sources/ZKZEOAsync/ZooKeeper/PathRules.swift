//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// What a path has to look like. The server says so too; where libzookeeper gives no good answer, we say it first.
enum PathRules {
    /// What is wrong with a path; nil if nothing is. The name of a sequential node may end with a slash, since the digits
    /// come behind it.
    static func fault(in path: String, isSequential: Bool = false) -> String? {
        if path.utf8.contains(0) { return "a path cannot contain a zero byte" }
        guard path.utf8.first == UInt8(ascii: "/") else { return "a path must begin with a slash" }
        let complete = isSequential ? path + "0" : path
        if complete == "/" { return nil }
        for part in complete.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            if part.isEmpty { return "a path cannot contain an empty name" }
            if part.elementsEqual(".".utf8) || part.elementsEqual("..".utf8) {
                return "a path cannot contain the names . and .."
            }
        }
        return nil
    }
}

extension CreateMode {
    /// Whether the server completes the name.
    var isSequential: Bool {
        switch self.kind {
        case .persistentSequential, .ephemeralSequential, .persistentSequentialWithTTL: true
        case .persistent, .ephemeral, .container, .persistentWithTTL: false
        }
    }
}
