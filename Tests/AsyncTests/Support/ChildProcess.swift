//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// A process that a test starts, whose output it reads line by line, and which never outlives the test program.
final class ChildProcess: Sendable {
    /// Something that a child process did or did not do.
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private struct State {
        var lines: [String] = []
        var partial: [UInt8] = []
        var ended = false
    }

    private let state = Mutex(State())
    private let process = Process()
    private let command: String

    /// Starts `executable`; its standard output and standard error are read as one stream of lines.
    init(
        _ executable: String,
        _ arguments: [String] = [],
        environment: [String: String] = [:],
        directory: String? = nil
    ) throws {
        self.command = ([executable] + arguments).joined(separator: " ")
        self.process.executableURL = URL(fileURLWithPath: executable)
        self.process.arguments = arguments
        self.process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        if let directory { self.process.currentDirectoryURL = URL(fileURLWithPath: directory) }
        let pipe = Pipe()
        self.process.standardOutput = pipe
        self.process.standardError = pipe
        self.process.standardInput = FileHandle.nullDevice
        // Threads of the pool block signals, and a child inherits that: it would be deaf to SIGTERM.
        var (none, blocked) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &blocked)
        defer { pthread_sigmask(SIG_SETMASK, &blocked, nil) }
        try self.process.run()
        // A thread of its own, since a `readabilityHandler` is now and then never called when the descriptor's number has
        // just been another one's.
        let output = pipe.fileHandleForReading
        Thread.detachNewThread { [weak self] in
            while true {
                let data = output.availableData
                self?.received(data)
                if data.isEmpty { break }
            }
        }
    }

    deinit {
        if self.process.isRunning { kill(self.process.processIdentifier, SIGKILL) }
    }

    private func received(_ data: Data) {
        self.state.withLock { state in
            if data.isEmpty {
                if !state.partial.isEmpty { state.lines.append(String(decoding: state.partial, as: UTF8.self)) }
                state.partial = []
                state.ended = true
                return
            }
            for byte in data {
                if byte == UInt8(ascii: "\n") {
                    state.lines.append(String(decoding: state.partial, as: UTF8.self))
                    state.partial.removeAll(keepingCapacity: true)
                } else {
                    state.partial.append(byte)
                }
            }
        }
    }

    var pid: Int32 { self.process.processIdentifier }

    var isRunning: Bool { self.process.isRunning }

    /// Every line that the process has printed so far.
    var lines: [String] { self.state.withLock { $0.lines } }

    /// Everything that the process has printed so far.
    var output: String { self.lines.joined(separator: "\n") }

    /// Waits until the process has printed a line with `text` in it, and returns that line.
    @discardableResult
    func line(containing text: String, within limit: Duration = .seconds(30)) async throws -> String {
        let deadline = ContinuousClock.now + limit
        while true {
            let (lines, ended) = self.state.withLock { ($0.lines, $0.ended) }
            if let line = lines.first(where: { $0.contains(text) }) { return line }
            if ended { throw Failure(description: "\(self.command) ended without '\(text)':\n\(self.output)") }
            if ContinuousClock.now > deadline {
                throw Failure(description: "\(self.command) did not say '\(text)' within \(limit):\n\(self.output)")
            }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    /// Sends a signal.
    func signal(_ number: Int32) {
        if self.process.isRunning { kill(self.process.processIdentifier, number) }
    }

    /// Waits until the process has ended and all its output has been read, and returns its exit status (minus the
    /// signal's number where a signal ended it).
    @discardableResult
    func exitStatus(within limit: Duration = .seconds(60)) async throws -> Int32 {
        let deadline = ContinuousClock.now + limit
        while self.process.isRunning || !self.state.withLock({ $0.ended }) {
            if ContinuousClock.now > deadline {
                let state = self.process.isRunning ? "is running" : "has ended, its output has not"
                throw Failure(description: "\(self.command) did not end within \(limit); it \(state):\n\(self.output)")
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        return self.process.terminationReason == .exit
            ? self.process.terminationStatus : -self.process.terminationStatus
    }
}

/// Runs a script of the folder Interop/Python to its end and returns what it printed; a failure of the script is ours.
@discardableResult
func runPython(_ script: String, _ arguments: [String] = [], within limit: Duration = .seconds(120)) async throws
    -> String
{
    let process = try ChildProcess(TestPaths.python, [TestPaths.interop + "/" + script] + arguments)
    let status = try await process.exitStatus(within: limit)
    guard status == 0 else {
        throw ChildProcess.Failure(description: "\(script) ended with \(status):\n\(process.output)")
    }
    return process.output
}

/// Waits until `condition` holds.
func eventually(
    _ what: String,
    within limit: Duration = .seconds(30),
    isolation: isolated (any Actor)? = #isolation,
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        if ContinuousClock.now > deadline {
            throw ChildProcess.Failure(description: "not within \(limit): \(what)")
        }
        try await Task.sleep(for: .milliseconds(10))
    }
}
