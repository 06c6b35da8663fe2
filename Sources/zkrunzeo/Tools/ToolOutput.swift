//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import ZODBStorage

/// How the tools end.
enum ToolStatus {
    /// Faults were found.
    static let faults = ExitCode(65)

    /// The table of exit statuses for `--help`.
    static let table = """
        EXIT STATUS
          0   everything is in order
          64  the command line cannot be understood
          65  faults were found; each was told, with its position
          66  a file or storage cannot be opened
          69  a server is out of reach
          70  something failed that should not
          73  a file cannot be created or written
          75  somebody else has the file open, or packs: try again later
          78  the configuration is wrong
        """

    /// Runs the body of a tool. What stops it becomes a sentence and a status.
    static func run(_ body: () async throws -> Void) async throws {
        try await withExitStatus {
            do {
                try await body()
            } catch let error as StopReason {
                throw error
            } catch let error as ExitCode {
                throw error
            } catch let error as StorageError {
                throw StopReason(Self.kind(of: error.code), "\(error)")
            } catch {
                throw StopReason(.storage, "\(error)")
            }
        }
    }

    private static func kind(of code: StorageError.Code) -> StopReason.Kind {
        switch code {
        case .locked, .packing: .busy
        case .corrupted: .data
        case .disconnected: .zooKeeper
        case .writeFailed, .quotaExceeded, .readOnly: .file
        case .unsupported, .refused: .software
        default: .storage
        }
    }
}

/// Lines on standard output, and how far a tool is on standard error where that is a terminal.
final class ToolOutput {
    private var buffer: [UInt8] = []
    private let shown = ToolProgress()

    /// Prints a line.
    func line(_ text: String) {
        self.shown.clear()
        self.buffer.append(contentsOf: text.utf8)
        self.buffer.append(UInt8(ascii: "\n"))
        if self.buffer.count > 1 << 16 { self.flush() }
    }

    /// Writes out what was printed.
    func flush() {
        guard !self.buffer.isEmpty else { return }
        FileHandle.standardOutput.write(Data(self.buffer))
        self.buffer.removeAll(keepingCapacity: true)
    }

    /// Prints a line on standard error.
    func complain(_ text: String) {
        self.flush()
        self.shown.clear()
        FileHandle.standardError.write(Data("\(text)\n".utf8))
    }

    /// Shows how far the tool is, a few times a second and on a terminal only.
    func progress(_ text: @autoclosure () -> String) { self.shown.show(text()) }

    /// Takes the progress off the terminal.
    func clearProgress() { self.shown.clear() }
}

extension Int {
    /// The number with its noun, in the plural where that is right: `1 object`, `2,000 objects`.
    func counted(_ noun: String) -> String { "\(self.grouped) \(noun)\(self == 1 ? "" : "s")" }

    /// The number with commas between its thousands.
    var grouped: String {
        var digits = Array(String(self.magnitude))
        var position = digits.count - 3
        while position > 0 {
            digits.insert(",", at: position)
            position -= 3
        }
        return (self < 0 ? "-" : "") + String(digits)
    }

    /// What part of a whole this is, as `12.3 %`.
    func percent(of whole: Int) -> String {
        whole == 0 ? "100.0 %" : String(format: "%.1f %%", Double(self) * 100 / Double(whole))
    }
}
