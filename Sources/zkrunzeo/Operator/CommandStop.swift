//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import UnixSignals

/// Waits for Ctrl-C or SIGTERM, for commands that go on until they are told to stop.
struct CommandStop: Sendable {
    /// Returns when the command shall stop, or its task is cancelled.
    func wait() async {
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        for await _ in signals { return }
    }
}
