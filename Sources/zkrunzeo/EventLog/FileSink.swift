//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// A log file. It is opened anew when it was moved away and somebody says so, and rotates if it is told to.
///
/// `state` is guarded by its lock, which is held while a line is written: lines of several threads stay whole.
final class FileSink: LogSink {
    struct Options: Equatable, Sendable {
        var path: String
        var encoding = String.Encoding.utf8
        /// Whether to open the file only when there is something to write.
        var delay = false
        var rotation: LogRotation?
    }

    private struct State {
        /// -1 while the file is not open.
        var descriptor: Int32 = -1
        var size = 0
        /// When the file rotates by time, in seconds since 1970.
        var end: Double?
    }

    private let options: Options
    private let state = Mutex(State())

    /// Opens the file, unless it is to be opened later.
    init(_ options: Options) throws(StopReason) {
        self.options = options
        if options.delay { return }
        let fault = self.state.withLock { self.open(&$0) }
        if let fault { throw StopReason(.file, "cannot open the log file \(options.path): \(fault)") }
    }

    deinit {
        self.state.withLock { Self.close(&$0) }
    }

    func write(_ line: String, _ record: LogRecord) {
        let text = line + "\n"
        let bytes = text.data(using: self.options.encoding, allowLossyConversion: true).map(Array.init) ?? []
        self.state.withLock { state in
            if self.shouldRotate(state, adding: bytes.count, at: record.created) {
                self.rotate(&state, at: record.created)
            }
            if state.descriptor < 0 { _ = self.open(&state) }
            guard state.descriptor >= 0, StreamSink.write(bytes, to: state.descriptor) else { return }
            state.size += bytes.count
        }
    }

    func reopen() {
        self.state.withLock { state in
            if self.options.rotation != nil {
                self.rotate(&state, at: Date().timeIntervalSince1970)
            } else {
                Self.close(&state)
            }
            if !self.options.delay { _ = self.open(&state) }
        }
    }

    // MARK: With the lock held

    /// Opens the file for appending. Returns what the system says against it.
    private func open(_ state: inout State) -> String? {
        Self.close(&state)
        let descriptor = unsafe Foundation.open(self.options.path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { return unsafe String(cString: strerror(errno)) }
        state.descriptor = descriptor
        var status = stat()
        if unsafe fstat(descriptor, &status) == 0 { state.size = Int(status.st_size) }
        let written = state.size == 0 ? Date().timeIntervalSince1970 : Double(status.st_mtim.tv_sec)
        if state.end == nil { state.end = self.options.rotation?.end(after: written) }
        return nil
    }

    private static func close(_ state: inout State) {
        if state.descriptor >= 0 { Foundation.close(state.descriptor) }
        state.descriptor = -1
    }

    private func shouldRotate(_ state: State, adding count: Int, at time: Double) -> Bool {
        switch self.options.rotation?.rule {
        case nil: false
        case .size(let limit): state.size > 0 && state.size + count >= limit
        case .time: state.end.map { time >= $0 } ?? false
        }
    }

    private func rotate(_ state: inout State, at time: Double) {
        guard let rotation = self.options.rotation else { return }
        Self.close(&state)
        switch rotation.rule {
        case .size: self.shiftNumbers(keeping: rotation.oldFiles)
        case .time:
            Self.move(self.options.path, rotation.oldName(of: self.options.path, periodEnding: state.end ?? time))
            self.removeOldest(rotation)
        }
        state.end = rotation.end(after: time)
        _ = self.open(&state)
    }

    private func shiftNumbers(keeping count: Int) {
        let path = self.options.path
        for number in stride(from: count - 1, to: 0, by: -1) {
            Self.move("\(path).\(number)", "\(path).\(number + 1)")
        }
        Self.move(path, path + ".1")
    }

    private static func move(_ old: String, _ new: String) {
        _ = unsafe Foundation.rename(old, new)
    }

    private func removeOldest(_ rotation: LogRotation) {
        let url = URL(fileURLWithPath: self.options.path)
        let directory = url.deletingLastPathComponent().path
        let prefix = url.lastPathComponent + "."
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        // Their names sort as their times do.
        let old = names.filter { $0.hasPrefix(prefix) && rotation.isOld(suffix: $0.dropFirst(prefix.count)) }.sorted()
        for name in old.dropLast(rotation.oldFiles) { _ = unsafe unlink(directory + "/" + name) }
    }
}
