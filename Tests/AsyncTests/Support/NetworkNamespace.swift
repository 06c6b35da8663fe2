//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A host of its own on this machine: a network namespace with a cable to ours, which can be pulled.
///
/// Only root may make one.
final class NetworkNamespace: Sendable {
    /// Our address at the cable.
    let host: String
    /// The other host's address.
    let guest: String
    private let name: String
    private let cable: String

    static var isAllowed: Bool { getuid() == 0 }

    init() async throws {
        // Two test programs may run at once.
        let number = Int(ProcessInfo.processInfo.processIdentifier) % 16_000
        self.name = "zkzeo-\(number)"
        self.cable = "zkzeo\(number)"
        let network = "10.213.\(number / 64)"
        (self.host, self.guest) = ("\(network).\(number % 64 * 4 + 1)", "\(network).\(number % 64 * 4 + 2)")
        try await Self.ip("netns", "add", self.name)
        try await Self.ip("link", "add", self.cable, "type", "veth", "peer", "name", "cable", "netns", self.name)
        try await Self.ip("addr", "add", self.host + "/30", "dev", self.cable)
        try await Self.ip("link", "set", self.cable, "up")
        try await Self.ip("-n", self.name, "addr", "add", self.guest + "/30", "dev", "cable")
        try await Self.ip("-n", self.name, "link", "set", "cable", "up")
        try await Self.ip("-n", self.name, "link", "set", "lo", "up")
    }

    /// What comes before a command that runs on the other host.
    var prefix: [String] { ["ip", "netns", "exec", self.name] }

    /// Pulls the cable, or plugs it in again. Nobody is told: what is sent is lost.
    func pull(_ pulled: Bool) async throws {
        try await Self.ip("-n", self.name, "link", "set", "cable", pulled ? "down" : "up")
    }

    /// Takes the host away. Processes on it go on without a network.
    func remove() async throws {
        try await Self.ip("link", "del", self.cable)
        try await Self.ip("netns", "del", self.name)
    }

    private static func ip(_ arguments: String...) async throws {
        let process = try ChildProcess("/usr/bin/env", ["ip"] + arguments)
        let status = try await process.exitStatus()
        guard status == 0 else {
            throw ChildProcess.Failure(description: "ip \(arguments.joined(separator: " ")): \(process.output)")
        }
    }
}
