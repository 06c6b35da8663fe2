//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// How far a tool is, on standard error where that is a terminal, a few times a second. Any thread may tell it.
final class ToolProgress: Sendable {
    private struct State {
        var last: ContinuousClock.Instant?
        var isShown = false
    }

    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let state = Mutex(State())

    /// Shows a text in the place of the one before, unless that has just been shown.
    func show(_ text: @autoclosure () -> String) {
        guard self.isTerminal else { return }
        let isDue = self.state.withLock { state in
            let now = ContinuousClock.now
            if let last = state.last, now - last < .milliseconds(200) { return false }
            state.last = now
            state.isShown = true
            return true
        }
        if isDue { Self.write("\r\u{1B}[K\(text())") }
    }

    /// Takes the text off the terminal.
    func clear() {
        let isShown = self.state.withLock { state in
            defer { state.isShown = false }
            return state.isShown
        }
        if isShown { Self.write("\r\u{1B}[K") }
    }

    private static func write(_ text: String) {
        FileHandle.standardError.write(Data(text.utf8))
    }
}
