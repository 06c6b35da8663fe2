//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A blocking connection to a ZEO server that sends frames and counts the ones that come back: as little client as
/// can be, so that what is measured is the server.
final class BlockingConnection {
    /// What went wrong between us and the server.
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private let descriptor: Int32
    private var buffer = [UInt8](repeating: 0, count: 1 << 20)
    private var filled = 0
    private var consumed = 0

    /// Connects, shakes hands with pickle messages and registers with the storage `1`.
    init(port: UInt16) throws {
        self.descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        address.sin_port = port.bigEndian
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(self.descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard connected else { throw Failure(description: "no server at port \(port)") }
        var one: Int32 = 1
        setsockopt(self.descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
        guard try self.receive() == Array("Z5".utf8) else { throw Failure(description: "the server does not speak Z5") }
        try self.send(Frames.frame(Array("Z5".utf8)) + Frames.register)
        _ = try self.receive()
    }

    deinit {
        close(self.descriptor)
    }

    /// Sends all of `bytes`.
    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Foundation.send(self.descriptor, $0.baseAddress! + sent, $0.count - sent, 0)
            }
            guard count > 0 else { throw Failure(description: "the server is gone") }
            sent += count
        }
    }

    /// Waits for a frame and returns what is in it.
    func receive() throws -> [UInt8] {
        let length = try self.frame()
        defer { self.consumed += length }
        return Array(self.buffer[self.consumed..<self.consumed + length])
    }

    /// Waits for a frame and drops it.
    func skip() throws -> Int {
        let length = try self.frame()
        self.consumed += length
        return length
    }

    /// Waits for a reply, skipping what the server says by itself.
    func reply() throws -> [UInt8] {
        while true {
            let message = try self.receive()
            if message.firstRange(of: Array(".reply".utf8)) != nil { return message }
        }
    }

    /// Waits for a reply whose result is a transaction identifier.
    func replyWithTID() throws -> [UInt8] {
        let message = try self.reply()
        guard let mark = message.firstRange(of: [0x43, 8] as [UInt8]), mark.upperBound + 8 <= message.count else {
            throw Failure(description: "no tid in a reply of \(message.count) bytes")
        }
        return Array(message[mark.upperBound..<mark.upperBound + 8])
    }

    private func frame() throws -> Int {
        try self.fill(4)
        let length = self.buffer[self.consumed..<self.consumed + 4].reduce(0) { $0 << 8 | Int($1) }
        self.consumed += 4
        try self.fill(length)
        return length
    }

    private func fill(_ wanted: Int) throws {
        while self.filled - self.consumed < wanted {
            if self.buffer.count - self.consumed < max(wanted, 65536) {
                let rest = Array(self.buffer[self.consumed..<self.filled])
                self.buffer = rest + [UInt8](repeating: 0, count: max(1 << 20, wanted))
                self.filled = rest.count
                self.consumed = 0
            }
            let count = self.buffer.withUnsafeMutableBytes {
                recv(self.descriptor, $0.baseAddress! + self.filled, $0.count - self.filled, 0)
            }
            guard count > 0 else { throw Failure(description: "the server is gone") }
            self.filled += count
        }
    }
}
