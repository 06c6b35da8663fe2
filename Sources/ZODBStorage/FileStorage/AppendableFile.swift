//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// What the one writer does to a data file.
///
/// A seam: tests put a disk behind it that is slow, full or broken.
package protocol AppendableFile: Sendable {
    /// Writes all of `bytes` at a position.
    func write(_ bytes: ByteBuffer, at position: Int) throws

    /// Returns when what was written, and the length of the file, would survive a loss of power.
    func synchronize() throws

    /// Cuts the file to a length in bytes.
    func truncate(to length: Int) throws
}
