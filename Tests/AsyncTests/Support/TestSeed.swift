//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Where tests on random inputs begin.
///
/// The short form tries the same inputs everywhere, so that whoever sees it fail can see it fail again, and nobody is held
/// up by what somebody else has brought in. New ground is for the long form: `ZKZEO_SEED=random`, or a number to repeat it.
enum TestSeed {
    static let value: UInt64 = {
        switch ProcessInfo.processInfo.environment["ZKZEO_SEED"] {
        case nil: 20_261_122
        case "random": UInt64.random(in: 0..<1_000_000_000)
        case let text?: UInt64(text) ?? 0
        }
    }()
}
