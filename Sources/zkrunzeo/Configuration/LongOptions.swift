//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Long options that are cut short, as runzeo's `getopt` takes them: `--conf` for `--configure`.
enum LongOptions {
    private static let names = ["configure", "address", "filename", "timeout", "pid-file", "test", "help", "version"]

    /// The arguments of `serve` with its long options in full. Other commands' are left as they are.
    static func completed(_ arguments: [String]) -> [String] {
        guard arguments.first == "serve" || arguments.first?.hasPrefix("-") == true else { return arguments }
        return arguments.map { argument in
            guard argument.hasPrefix("--"), argument.count > 2 else { return argument }
            let written = argument.dropFirst(2).prefix { $0 != "=" }
            let meant = Self.names.filter { $0.hasPrefix(written) }
            guard meant.count == 1, let name = meant.first else { return argument }
            return "--" + name + argument.dropFirst(2 + written.count)
        }
    }
}
