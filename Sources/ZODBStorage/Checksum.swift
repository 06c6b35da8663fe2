//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import CZlib
package import NIOCore

/// Checksums that tell whether bytes are those that were written.
package enum Checksum {
    /// The CRC-32 of some bytes, which goes on from that of others.
    package static func crc32(_ bytes: ByteBuffer, after earlier: UInt32 = 0) -> UInt32 {
        unsafe bytes.withUnsafeReadableBytes { all in
            let start = unsafe all.baseAddress?.assumingMemoryBound(to: UInt8.self)
            return UInt32(truncatingIfNeeded: unsafe CZlib.crc32(UInt(earlier), start, UInt32(all.count)))
        }
    }
}
