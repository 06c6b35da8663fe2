//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What tells this process from all others, now and after a restart.
public struct ProcessIdentity: Hashable, Sendable {
    /// The number of the process.
    public var pid: Int32
    /// The machine's current boot, where the system tells it.
    public var boot: String?
    /// The namespace that the number belongs to, where the system tells it.
    public var namespace: String?
    /// A name for the machine that stays the same from boot to boot, where the system has one.
    public var machine: String?

    /// This process.
    public static let current = ProcessIdentity(
        pid: getpid(),
        boot: Self.line("/proc/sys/kernel/random/boot_id"),
        namespace: try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid"),
        machine: Self.line("/etc/machine-id").map(Self.machine)
    )

    /// The properties that a node of this process carries: `pid`, `boot`, `pid-namespace` and `machine`.
    public var properties: [String: JSONValue] {
        var properties: [String: JSONValue] = ["pid": .integer(Int64(self.pid))]
        properties["boot"] = self.boot.map { .string($0) }
        properties["pid-namespace"] = self.namespace.map { .string($0) }
        properties["machine"] = self.machine.map { .string($0) }
        return properties
    }

    /// What tells machines apart without telling their ids, which machine-id(5) wants to be kept from the network: half as
    /// many bits, of an FNV-1a hash.
    static func machine(id: String) -> String {
        let hash = "zkzeo \(id)".utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        return String(hash, radix: 16)
    }

    /// Whether a process of this machine and namespace lives. One that has ended and that nobody has asked after yet (a
    /// "zombie") does not: its sockets are closed.
    static func isAlive(_ pid: Int32) -> Bool {
        guard kill(pid, 0) == 0 || errno == EPERM else { return false }
        guard let status = Self.line("/proc/\(pid)/stat"), let name = status.lastIndex(of: ")") else { return true }
        let state = status[status.index(after: name)...].first { $0 != " " }
        return state != "Z" && state != "X"
    }

    private static func line(_ path: String) -> String? {
        guard let bytes = try? Data(contentsOf: URL(filePath: path)) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self).prefix { $0 != "\n" }
        return text.isEmpty ? nil : String(text)
    }
}
