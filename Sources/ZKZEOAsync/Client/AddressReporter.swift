//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization

/// Writes the lines that `AddressLog` decides upon. Guarded by `log`: what has been written so far.
final class AddressReporter: Sendable {
    private let log: Mutex<AddressLog>
    private let logger: Logger
    private let place: (connectionString: String, path: String)

    init(_ connectionString: String, _ path: String, startWaits: Bool, logger: Logger) {
        self.log = Mutex(AddressLog(startWaits: startWaits))
        self.logger = logger
        self.place = (connectionString, path)
    }

    /// The addresses are these.
    func changed(_ addresses: [ServiceAddress]) {
        self.write(self.log.withLock { $0.changed(addresses.map(\.description)) })
    }

    /// Another five minutes have passed.
    func stillWaiting() {
        self.write(self.log.withLock { $0.stillWaiting() })
    }

    private func write(_ lines: [AddressLog.Line]) {
        for line in lines {
            // People search for these very words, so they are the message and not metadata.
            let text = line.text(self.place.connectionString, self.place.path)
            self.logger.log(level: line.isWarning ? .warning : .info, "\(text)")
        }
    }
}
