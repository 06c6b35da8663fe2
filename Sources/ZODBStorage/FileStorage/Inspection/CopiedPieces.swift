//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Where the records of one file are in another into which most of them were copied, in their order.
///
/// Memory is needed for each piece that was left out or has changed its length.
struct CopiedPieces {
    private struct Piece {
        var old: Int
        var new: Int
        var length: Int
    }

    private var pieces: [Piece] = []

    /// Notes that `length` bytes at `old` are now at `new`, behind everything noted before.
    mutating func add(from old: Int, to new: Int, length: Int) {
        if let last = self.pieces.last, last.old + last.length == old, last.new + last.length == new {
            self.pieces[self.pieces.count - 1].length += length
        } else {
            self.pieces.append(Piece(old: old, new: new, length: length))
        }
    }

    /// Where the byte at `old` is now; `nil` when it was not copied.
    func position(of old: Int) -> Int? {
        var range = self.pieces.startIndex..<self.pieces.endIndex
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            let piece = self.pieces[middle]
            if old < piece.old {
                range = range.lowerBound..<middle
            } else if old >= piece.old + piece.length {
                range = middle + 1..<range.upperBound
            } else {
                return piece.new + old - piece.old
            }
        }
        return nil
    }
}
