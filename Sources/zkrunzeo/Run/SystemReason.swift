//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation

extension Error {
    /// What the system said, in its own words ("Permission denied") where Foundation has others.
    var systemReason: String {
        var error = self as NSError
        while error.domain != NSPOSIXErrorDomain, let inner = error.userInfo[NSUnderlyingErrorKey] as? NSError {
            error = inner
        }
        guard error.domain == NSPOSIXErrorDomain else {
            let text = error.localizedDescription
            return text.hasSuffix(".") ? String(text.dropLast()) : text
        }
        return unsafe String(cString: strerror(Int32(error.code)))
    }
}
