//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation

extension Error {
    /// What the system said, in its own words ("Permission denied") where Foundation has others.
    var systemReason: String {
        let error = self as NSError
        for inner in [error] + error.underlyingErrors.map({ $0 as NSError }) where inner.domain == NSPOSIXErrorDomain {
            return unsafe String(cString: strerror(Int32(inner.code)))
        }
        return error.localizedDescription
    }
}
