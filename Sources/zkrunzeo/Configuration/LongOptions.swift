//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Options as runzeo's `getopt` takes them: long ones cut short (`--conf` for `--configure`), and values that are joined to
/// a letter (`-Czeo.conf`, `-Xzeo/address=8100`).
enum LongOptions {
    private static let names = ["configure", "address", "filename", "timeout", "pid-file", "test", "help", "version"]
    private static let letters: Set<Character> = ["C", "X", "a", "f", "t"]

    /// The arguments of `serve` with its long options in full, and values apart. Other commands' are left as they are.
    static func completed(_ arguments: [String]) -> [String] {
        guard arguments.first == "serve" || arguments.first?.hasPrefix("-") == true else { return arguments }
        var completed: [String] = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument.hasPrefix("--") {
                completed.append(Self.full(argument))
            } else if argument.first == "-", let letter = argument.dropFirst().first, Self.letters.contains(letter) {
                // What stands behind the letter, or else the next argument, is the value, whatever it looks like.
                let value = argument.dropFirst(2)
                completed.append("-\(letter)")
                if !value.isEmpty {
                    completed.append(String(value))
                } else if let next = rest.popFirst() {
                    completed.append(next)
                }
            } else {
                completed.append(argument)
            }
        }
        return completed
    }

    private static func full(_ argument: String) -> String {
        let written = argument.dropFirst(2).prefix { $0 != "=" }
        let meant = Self.names.filter { $0.hasPrefix(written) }
        guard !written.isEmpty, meant.count == 1, let name = meant.first else { return argument }
        return "--" + name + argument.dropFirst(2 + written.count)
    }
}
