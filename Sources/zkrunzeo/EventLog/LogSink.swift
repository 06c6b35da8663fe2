//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A destination of log lines. Whoever logs waits until the system has taken a line.
protocol LogSink: Sendable {
    /// Writes a line. Where that is impossible it is lost: nobody could be told.
    func write(_ line: String, _ record: LogRecord)

    /// Opens files anew that somebody may have moved away.
    func reopen()
}

/// Standard output or standard error.
struct StreamSink: LogSink {
    let descriptor: Int32

    func write(_ line: String, _ record: LogRecord) {
        Self.write(Array((line + "\n").utf8), to: self.descriptor)
    }

    func reopen() {}

    /// Writes bytes, with one system call where the system takes them all. `false` where it does not.
    @discardableResult
    static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Foundation.write(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
