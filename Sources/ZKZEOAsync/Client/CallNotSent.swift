//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBStorage

/// What underlies the error of a call whose connection was gone before anything was sent, so that the call may be made
/// with another one.
struct CallNotSent: Error, CustomStringConvertible {
    static let error = StorageError(
        .disconnected,
        "the connection to the server was lost",
        underlyingError: CallNotSent()
    )

    var description: String { "before anything was sent" }
}
