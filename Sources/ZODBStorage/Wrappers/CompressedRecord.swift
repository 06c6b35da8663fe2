//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import CZlib
import NIOCore

/// Records that `zc.zlibstorage` has compressed: the two bytes `.z`, then a zlib stream. No record that is not compressed
/// begins so, since a dot ends a pickle.
enum CompressedRecord {
    private static let prefix: [UInt8] = [UInt8(ascii: "."), UInt8(ascii: "z")]
    private static let leastLength = 21

    /// So many bytes a record may have when it is expanded; a few compressed ones could fill all memory otherwise.
    static let maximumLength = 1 << 29

    /// Whether a record is compressed.
    static func isCompressed(_ record: ByteBuffer) -> Bool { record.readableBytesView.starts(with: Self.prefix) }

    /// The record, compressed where that makes it shorter.
    static func compressed(_ record: ByteBuffer) throws -> ByteBuffer {
        guard record.readableBytes >= Self.leastLength, !Self.isCompressed(record) else { return record }
        var compressed = ByteBuffer(bytes: Self.prefix)
        let bound = Int(compressBound(uLong(record.readableBytes)))
        var status = Z_OK
        unsafe compressed.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { space in
            var count = uLongf(bound)
            unsafe record.withUnsafeReadableBytes { bytes in
                status = unsafe compress2(
                    space.baseAddress?.assumingMemoryBound(to: Bytef.self),
                    &count,
                    bytes.baseAddress?.assumingMemoryBound(to: Bytef.self),
                    uLong(bytes.count),
                    Z_DEFAULT_COMPRESSION
                )
            }
            return status == Z_OK ? Int(count) : 0
        }
        guard status == Z_OK else { throw StorageError(.refused, "zlib could not compress a record (error \(status))") }
        return compressed.readableBytes < record.readableBytes ? compressed : record
    }

    /// The record as it was before it was compressed; the record itself where it is not compressed.
    ///
    /// Throws `StorageError.corrupted` for what is no zlib stream, `.tooLarge` for more than `maximumLength` bytes.
    static func expanded(_ record: ByteBuffer, maximumLength: Int = Self.maximumLength) throws -> ByteBuffer {
        guard Self.isCompressed(record) else { return record }
        var expanded = ByteBuffer()
        let status = unsafe record.withUnsafeReadableBytes { bytes in
            unsafe Self.inflate(UnsafeRawBufferPointer(rebasing: bytes.dropFirst(2)), into: &expanded, maximumLength)
        }
        guard status == Z_STREAM_END else {
            if status == Z_OK {
                throw StorageError(.tooLarge, "a compressed record has more than \(maximumLength) bytes")
            }
            throw StorageError(.corrupted, "a compressed record cannot be expanded (zlib's error \(status))")
        }
        // As in Python, an empty record cannot be told from none.
        return expanded.readableBytes == 0 ? record : expanded
    }

    /// Returns `Z_STREAM_END` when all is done, `Z_OK` when there is more than `limit`.
    private static func inflate(
        _ bytes: UnsafeRawBufferPointer,
        into expanded: inout ByteBuffer,
        _ limit: Int
    ) -> Int32 {
        var stream = unsafe z_stream()
        var status = unsafe inflateInit_(&stream, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else { return status }
        defer { unsafe inflateEnd(&stream) }
        unsafe stream.next_in = UnsafeMutablePointer(
            mutating: bytes.baseAddress?.assumingMemoryBound(to: Bytef.self)
        )
        unsafe stream.avail_in = uInt(bytes.count)
        while status == Z_OK, expanded.readableBytes <= limit {
            let step = min(max(4 * bytes.count, 1 << 12), 1 << 20)
            unsafe expanded.writeWithUnsafeMutableBytes(minimumWritableBytes: step) { space in
                unsafe stream.next_out = space.baseAddress?.assumingMemoryBound(to: Bytef.self)
                unsafe stream.avail_out = uInt(step)
                status = unsafe CZlib.inflate(&stream, Z_NO_FLUSH)
                return unsafe step - Int(stream.avail_out)
            }
        }
        return status == Z_STREAM_END && expanded.readableBytes > limit ? Z_OK : status
    }
}
