//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation

extension Error {
    /// What the system said, in its own words ("Permission denied") where Foundation has others.
    package var systemReason: String {
        var error = self as NSError
        while error.domain != NSPOSIXErrorDomain, let inner = error.userInfo[NSUnderlyingErrorKey] as? NSError {
            error = inner
        }
        if let number = error.errno { return unsafe String(cString: strerror(number)) }
        let text = error.localizedDescription
        return text.hasSuffix(".") ? String(text.dropLast()) : text
    }
}

extension NSError {
    /// The number of the system's error that this is or stands for.
    fileprivate var errno: Int32? {
        switch self.domain {
        case NSPOSIXErrorDomain: return Int32(exactly: self.code)
        case NSCocoaErrorDomain: break
        default: return nil
        }
        // Not every error of Foundation has the system's one below it.
        switch CocoaError.Code(rawValue: self.code) {
        case .fileNoSuchFile, .fileReadNoSuchFile: return ENOENT
        case .fileReadNoPermission, .fileWriteNoPermission: return EACCES
        case .fileWriteFileExists: return EEXIST
        case .fileWriteOutOfSpace: return ENOSPC
        case .fileWriteVolumeReadOnly: return EROFS
        default: return nil
        }
    }
}
