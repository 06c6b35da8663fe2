//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZConfig

/// `<runner>`: what zdaemon, which may supervise the server, is to do. The server looks for mistakes in it, as runzeo
/// does, and otherwise passes it over.
enum RunnerSection {
    private static let keys = [
        "program", "python", "zdrun", "socket-name", "daemon", "directory", "backoff-limit", "forever", "exit-codes",
        "start-test-program", "start-timeout", "stop-timeout", "user", "umask", "hang-around",
        "default-to-interactive", "logfile", "transcript", "prompt",
    ]

    /// Refuses what zdaemon would refuse.
    static func check(_ section: ConfigurationSection) throws(ConfigurationError) {
        try section.rejectUnknown(keys: Self.keys, sections: ["eventlog"])
        _ = try section.value("program", as: .nonEmptyString)
    }
}
