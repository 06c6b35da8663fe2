//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
package import ZConfig
import ZODBStorage

/// What the `<ssl>` of clients and that of servers have in common.
extension ConfigurationSection {
    /// The pass-phrase of a key, from `password-file` or `password-environment`; `nil` where the section has neither.
    package func passphrase(_ environment: [String: String]) throws(ConfigurationError) -> String? {
        let file = try self.optional("password-file", as: .existingFile(.system))
        let variable = try self.optional("password-environment", as: .nonEmptyString)
        switch (file, variable) {
        case (nil, nil): return nil
        case (let file?, nil):
            guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
                throw ConfigurationError(at: self.position(of: "password-file"), "the file \(file) cannot be read")
            }
            return text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).first.map(String.init)
                ?? ""
        case (nil, let variable?):
            guard let value = environment[variable] else {
                throw ConfigurationError(
                    at: self.position(of: "password-environment"),
                    "the environment has no variable '\(variable)'"
                )
            }
            return value
        case (_?, _?):
            throw ConfigurationError(
                at: self.position(of: "password-environment"),
                "'password-file' and 'password-environment' exclude each other; remove one of them"
            )
        }
    }
}
