//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

/// Reads the calls, and the answers to loads, that come by the thousand without building values in between.
///
/// It knows only the exact bytes that Python's ZEO writes for them. Whatever looks different takes the general way, so
/// that nothing but speed depends on it.
enum PickleFastPath {
    static func clientMessage(_ body: ByteBuffer) -> ClientMessage? {
        var scanner = Scanner(buffer: body)
        guard scanner.take(0x80), scanner.take(3), scanner.take("("), let id = scanner.messageID(),
            id != .keepAlive, let isAsynchronous = scanner.truth(), let call = scanner.call(),
            scanner.take("t"), scanner.take("."), scanner.buffer.readableBytes == 0
        else { return nil }
        return ClientMessage(id: id, isAsynchronous: isAsynchronous, call: call)
    }

    /// The answer to a load that found something; `nil` for all others.
    static func serverMessage(_ body: ByteBuffer) -> ServerMessage? {
        var scanner = Scanner(buffer: body)
        guard scanner.take(0x80), scanner.take(3), scanner.take("("), let id = scanner.messageID(),
            scanner.isResult(), let revision = scanner.loadedRevision(),
            scanner.take("t"), scanner.take("."), scanner.buffer.readableBytes == 0
        else { return nil }
        return .reply(id, .revision(revision))
    }

    private struct Scanner {
        var buffer: ByteBuffer

        mutating func take(_ byte: UInt8) -> Bool {
            guard self.buffer.getInteger(at: self.buffer.readerIndex, as: UInt8.self) == byte else { return false }
            self.buffer.moveReaderIndex(forwardBy: 1)
            return true
        }

        mutating func take(_ opcode: Unicode.Scalar) -> Bool {
            self.take(UInt8(ascii: opcode))
        }

        mutating func truth() -> Bool? {
            switch self.buffer.readInteger(as: UInt8.self) {
            case 0x88: true
            case 0x89: false
            default: nil
            }
        }

        mutating func messageID() -> MessageID? {
            if let number = self.integer() { return .number(number) }
            guard let (oid, tid) = self.revision(), self.take(0x86) else { return nil }
            return .load(oid, tid)
        }

        /// An integer in one of the forms K, M, J, LONG1; moves nothing when there is none.
        mutating func integer() -> Int? {
            switch self.buffer.getInteger(at: self.buffer.readerIndex, as: UInt8.self) {
            case UInt8(ascii: "K"):
                self.buffer.moveReaderIndex(forwardBy: 1)
                return self.buffer.readInteger(as: UInt8.self).map { Int($0) }
            case UInt8(ascii: "M"):
                self.buffer.moveReaderIndex(forwardBy: 1)
                return self.buffer.readInteger(endianness: .little, as: UInt16.self).map { Int($0) }
            case UInt8(ascii: "J"):
                self.buffer.moveReaderIndex(forwardBy: 1)
                return self.buffer.readInteger(endianness: .little, as: Int32.self).map { Int($0) }
            case 0x8a:
                self.buffer.moveReaderIndex(forwardBy: 1)
                return self.long()
            default:
                return nil
            }
        }

        private mutating func long() -> Int? {
            guard let count = self.buffer.readInteger(as: UInt8.self), (1...8).contains(count),
                let bytes = self.buffer.readSlice(length: Int(count))
            else { return nil }
            var value = 0
            for byte in bytes.readableBytesView.reversed() { value = value << 8 | Int(byte) }
            let unused = 64 - 8 * Int(count)
            return (value << unused) >> unused
        }

        mutating func bytes() -> ByteBuffer? {
            switch self.buffer.readInteger(as: UInt8.self) {
            case UInt8(ascii: "C"):
                guard let count = self.buffer.readInteger(as: UInt8.self) else { return nil }
                return self.buffer.readSlice(length: Int(count))
            case UInt8(ascii: "B"):
                guard let count = self.buffer.readInteger(endianness: .little, as: UInt32.self) else { return nil }
                return self.buffer.readSlice(length: Int(count))
            default:
                return nil
            }
        }

        mutating func revision() -> (ObjectID, TransactionID)? {
            guard self.take("C"), self.take(8), let oid = self.buffer.readIdentifier(as: ObjectID.self),
                self.take("C"), self.take(8), let tid = self.buffer.readIdentifier(as: TransactionID.self)
            else { return nil }
            return (oid, tid)
        }

        /// The flag and the name of an answer that is a result.
        mutating func isResult() -> Bool {
            guard self.take("K") ? self.take(0) : self.take(0x89), self.take("X"),
                let count = self.buffer.readInteger(endianness: .little, as: UInt32.self),
                let name = self.buffer.readSlice(length: Int(count))
            else { return false }
            return name.readableBytesView.elementsEqual(WireFormat.replyName.utf8)
        }

        mutating func loadedRevision() -> LoadedRevision? {
            guard let data = self.bytes(), self.take("C"), self.take(8),
                let tid = self.buffer.readIdentifier(as: TransactionID.self)
            else { return nil }
            var next: TransactionID?
            if !self.take("N") {
                guard self.take("C"), self.take(8), let tid = self.buffer.readIdentifier(as: TransactionID.self) else {
                    return nil
                }
                next = tid
            }
            return self.take(0x87) ? LoadedRevision(data: data, tid: tid, next: next) : nil
        }

        mutating func call() -> ServerCall? {
            guard self.take("X"), let count = self.buffer.readInteger(endianness: .little, as: UInt32.self),
                let name = self.buffer.readSlice(length: Int(count))
            else { return nil }
            let method = name.readableBytesView
            if method.elementsEqual("loadBefore".utf8) {
                guard let (oid, tid) = self.revision(), self.take(0x86) else { return nil }
                return .loadBefore(oid, tid)
            }
            if method.elementsEqual("storea".utf8) {
                guard self.take("("), let (oid, serial) = self.revision(), let data = self.bytes(),
                    let token = self.integer(), self.take("t")
                else { return nil }
                return .store(oid, serial: serial, data: data, TransactionToken(token))
            }
            if method.elementsEqual("ping".utf8) { return self.take(")") ? .ping : nil }
            if method.elementsEqual("lastTransaction".utf8) { return self.take(")") ? .lastTransaction : nil }
            return nil
        }
    }
}
