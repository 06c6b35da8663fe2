//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import Synchronization

/// The system's log, over UDP or a unix socket, in the form that Python's SysLogHandler uses.
///
/// `descriptor` is guarded by its lock. Where nobody listens lines are lost, and the next one tries again.
final class SyslogSink: LogSink {
    enum Address: Equatable, Sendable {
        case udp(host: String, port: Int)
        case unix(path: String)
    }

    /// The numbers of syslog's facilities.
    static let facilities = [
        "kern": 0, "user": 1, "mail": 2, "daemon": 3, "auth": 4, "security": 4, "syslog": 5, "lpr": 6, "news": 7,
        "uucp": 8, "cron": 9, "authpriv": 10, "local0": 16, "local1": 17, "local2": 18, "local3": 19, "local4": 20,
        "local5": 21, "local6": 22, "local7": 23,
    ]

    private let address: Address
    private let facility: Int
    private let descriptor = Mutex<Int32>(-1)

    init(_ address: Address, facility: Int) {
        self.address = address
        self.facility = facility
    }

    deinit {
        self.descriptor.withLock { descriptor in
            if descriptor >= 0 { close(descriptor) }
        }
    }

    func write(_ line: String, _ record: LogRecord) {
        let bytes = Array("<\(self.facility << 3 | record.level.syslogSeverity)>\(line)".utf8) + [0]
        self.descriptor.withLock { descriptor in
            // A daemon that was started anew has another socket at the same path.
            for _ in 0..<2 {
                if descriptor < 0 { descriptor = Self.connect(to: self.address) }
                guard descriptor >= 0 else { return }
                let count = unsafe bytes.withUnsafeBytes {
                    unsafe send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                if count >= 0 { return }
                close(descriptor)
                descriptor = -1
            }
        }
    }

    func reopen() {}

    private static func connect(to address: Address) -> Int32 {
        switch address {
        case .unix(let path):
            let datagram = Self.connect(toSocket: path, SOCK_DGRAM)
            return datagram >= 0 ? datagram : Self.connect(toSocket: path, SOCK_STREAM)
        case .udp(let host, let port):
            var hints = unsafe addrinfo()
            unsafe hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
            var found: UnsafeMutablePointer<addrinfo>?
            guard unsafe getaddrinfo(host, String(port), &hints, &found) == 0 else { return -1 }
            defer { unsafe freeaddrinfo(found) }
            var next = unsafe found
            while let info = unsafe next?.pointee {
                let descriptor = unsafe socket(info.ai_family, info.ai_socktype | Self.closeOnExec, info.ai_protocol)
                if descriptor >= 0, unsafe Foundation.connect(descriptor, info.ai_addr, info.ai_addrlen) == 0 {
                    return descriptor
                }
                if descriptor >= 0 { close(descriptor) }
                unsafe next = info.ai_next
            }
            return -1
        }
    }

    private static func connect(toSocket path: String, _ kind: __socket_type) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return -1 }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        let descriptor = socket(AF_UNIX, Int32(kind.rawValue) | Self.closeOnExec, 0)
        guard descriptor >= 0 else { return -1 }
        let status = unsafe withUnsafeBytes(of: &address) { bytes in
            unsafe Foundation.connect(
                descriptor,
                bytes.assumingMemoryBound(to: sockaddr.self).baseAddress!,
                socklen_t(bytes.count)
            )
        }
        if status == 0 { return descriptor }
        close(descriptor)
        return -1
    }

    private static let closeOnExec = Int32(SOCK_CLOEXEC.rawValue)
}

extension Logger.Level {
    /// The number that syslog gives the level.
    fileprivate var syslogSeverity: Int {
        switch self {
        case .trace, .debug: 7
        case .info, .notice: 6
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }
}
