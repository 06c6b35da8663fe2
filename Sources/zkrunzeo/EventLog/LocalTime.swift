//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A moment in the time zone of this machine.
struct LocalTime {
    /// Seconds since midnight.
    let secondOfDay: Int
    /// Days since Monday.
    let weekday: Int
    /// Seconds by which the zone is ahead of UTC at this moment.
    let offset: Int
    private let seconds: time_t

    /// Seconds since 1970, UTC.
    init(_ time: Double) {
        self.seconds = time_t(time.rounded(.down))
        let fields = unsafe Self.fields(self.seconds)
        unsafe self.secondOfDay = Int(fields.tm_hour) * 3600 + Int(fields.tm_min) * 60 + Int(fields.tm_sec)
        unsafe self.weekday = (Int(fields.tm_wday) + 6) % 7
        unsafe self.offset = fields.tm_gmtoff
    }

    /// The moment as `strftime` writes it.
    func formatted(_ format: String) -> String {
        guard !format.isEmpty else { return "" }
        var fields = unsafe Self.fields(self.seconds)
        var buffer = [CChar](repeating: 0, count: 256 + 16 * format.utf8.count)
        let count = unsafe strftime(&buffer, buffer.count, format, &fields)
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func fields(_ seconds: time_t) -> tm {
        var (seconds, fields) = unsafe (seconds, tm())
        unsafe localtime_r(&seconds, &fields)
        return unsafe fields
    }
}
