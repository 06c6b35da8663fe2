//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// Why the command ends, as a sentence for the operator and an exit status for whoever supervises it.
///
/// The numbers are those of sysexits(3), which systemd prints by name.
struct StopReason: Error, CustomStringConvertible {
    /// What kind of reason it is.
    enum Kind: Int32, CaseIterable {
        /// The command line cannot be understood.
        case usage = 64
        /// A file is damaged.
        case data = 65
        /// A storage cannot be opened.
        case storage = 66
        /// ZooKeeper is out of reach, or has no such path, where the server cannot do without; or it refused a credential.
        case zooKeeper = 69
        /// Something failed that should not.
        case software = 70
        /// The address cannot be listened at.
        case address = 71
        /// A file cannot be created.
        case file = 73
        /// Somebody else is at it: try again later.
        case busy = 75
        /// The configuration is wrong.
        case configuration = 78
    }

    var kind: Kind
    var description: String

    init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }

    /// The table of exit statuses for `--help`.
    static let table = """
        EXIT STATUS
          0   stopped by SIGTERM or SIGINT, everything in order
          1   stopped by SIGHUP, everything in order; start it anew
          64  the command line cannot be understood
          66  a storage cannot be opened
          69  ZooKeeper is out of reach or lacks the path, and the port is dynamic; or it refused a credential
          70  something failed that should not
          71  the address cannot be listened at
          73  a file cannot be created
          78  the configuration is wrong
        """
}
