//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZConfig
import ZODBFormat

/// A moment as `<before>` names it.
enum BeforeTime: Hashable, Sendable {
    /// When the storage is opened.
    case now
    /// When this process began, nearly.
    case startup
    case limit(TransactionID)

    private static let startupLimit = TransactionID(timeSince1970: systemWallClock())

    /// Reads `YYYY-MM-DD`, with or without `THH`, `THH:MM` and `THH:MM:SS.SSS` behind it, in UTC; `nil` for anything
    /// else.
    static func parse(_ text: String) -> TransactionID? {
        let halves = text.split(separator: "T", maxSplits: 1, omittingEmptySubsequences: false)
        let day = halves[0].split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
        guard day.count == 3, let year = day[0], let month = day[1], let number = day[2] else { return nil }
        var time = TransactionTime(year: year, month: month, day: number)
        if halves.count == 2, !halves[1].isEmpty {
            let parts = halves[1].split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count <= 3, let hour = Int(parts[0]) else { return nil }
            time.hour = hour
            if parts.count > 1 {
                guard let minute = Int(parts[1]) else { return nil }
                time.minute = minute
            }
            if parts.count > 2 {
                guard let second = Double(parts[2]) else { return nil }
                time.second = second
            }
        }
        return TransactionID(time)
    }

    /// The tid from which on nothing is seen.
    var limit: TransactionID {
        switch self {
        case .now: TransactionID(timeSince1970: systemWallClock())
        case .startup: Self.startupLimit
        case .limit(let limit): limit
        }
    }

    /// The moment that a file names. Where there is no file, one is made that names this moment.
    static func limit(fromFile path: String) throws -> TransactionID {
        if FileSystem.isMissing(path) {
            let now = TransactionID(timeSince1970: systemWallClock()).timeDescription
            let text = now.prefix(19).replacing(" ", with: "T")
            let file = try PositionalFile(path, .create)
            try file.write(ByteBuffer(string: String(text)), at: 0)
            try file.synchronize()
            try FileSystem.synchronizeFolder(of: path)
        }
        let text = String(buffer: try PositionalFile(path, .read).read(at: 0, count: 256))
        let line = text.drop { $0.isWhitespace }.prefix { !$0.isWhitespace }
        guard let limit = Self.parse(String(line)) else {
            throw StorageError(
                .invalidArgument,
                "\(path) is to name the time before which is read, as YYYY-MM-DDTHH:MM:SS, and says '\(line)'"
            )
        }
        return limit
    }

    /// Fixes the time of `startup`, if nothing has done so yet.
    static func noteStartup() { _ = Self.startupLimit }
}

extension Datatype where Value == BeforeTime {
    /// A time in UTC, `now` or `startup`.
    static var beforeTime: Datatype<BeforeTime> {
        Datatype("a time in UTC such as 2026-11-22T15:30:00, 'now' or 'startup'") { text throws(Fault) in
            switch text.lowercased() {
            case "", "now": return .now
            case "startup":
                BeforeTime.noteStartup()
                return .startup
            default:
                guard let limit = BeforeTime.parse(text) else { throw Fault() }
                return .limit(limit)
            }
        }
    }
}
