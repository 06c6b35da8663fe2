//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// Debian's ZooKeeper server, standalone, in a process of its own with an empty tree.
final class RealZooKeeper: Sendable {
    let port: Int
    private let directory: String
    private let process: Mutex<ChildProcess?>

    var connectionString: String { "127.0.0.1:\(self.port)" }

    /// Starts a server and waits until it serves: on the loopback interface, or on all with 0.0.0.0.
    init(address: String = "127.0.0.1") async throws {
        self.port = try freePort()
        self.directory = NSTemporaryDirectory() + "zkzeo-zookeeper-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: self.directory, withIntermediateDirectories: true)
        let configuration = """
            tickTime=200
            minSessionTimeout=400
            maxSessionTimeout=60000
            dataDir=\(self.directory)
            clientPort=\(self.port)
            clientPortAddress=\(address)
            maxClientCnxns=0
            4lw.commands.whitelist=*
            admin.enableServer=false

            """
        try configuration.write(toFile: self.directory + "/zoo.cfg", atomically: true, encoding: .utf8)
        self.process = Mutex(nil)
        try await self.start()
    }

    deinit {
        self.process.withLock { $0?.signal(SIGKILL) }
        try? FileManager.default.removeItem(atPath: self.directory)
    }

    /// Starts the server (again), with the tree that it had.
    func start() async throws {
        let process = try ChildProcess(
            "/usr/bin/env",
            [
                "java", "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dzookeeper.forceSync=no",
                "-Dznode.container.checkIntervalMs=1000",
                "-cp", Self.classPath, "org.apache.zookeeper.server.ZooKeeperServerMain", self.directory + "/zoo.cfg",
            ]
        )
        self.process.withLock { $0 = process }
        try await eventually("ZooKeeper answers: \(process.output)", within: .seconds(60)) {
            guard process.isRunning else {
                throw ChildProcess.Failure(description: "ZooKeeper ended:\n\(process.output)")
            }
            return fourLetterWord("srvr", port: self.port).hasPrefix("Zookeeper version")
        }
    }

    /// Kills the server's process. The tree stays on disk.
    func stop() async throws {
        let process = self.process.withLock { $0 }
        process?.signal(SIGKILL)
        try await process?.exitStatus()
    }

    /// Stops the process without ending it (SIGSTOP), or lets it go on.
    func freeze(_ frozen: Bool) {
        self.process.withLock { $0?.signal(frozen ? SIGSTOP : SIGCONT) }
    }

    private static let classPath: String = {
        let folder = "/usr/share/java"
        let wanted = [
            "zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-simple", "netty-all", "netty", "jackson-databind",
            "jackson-core", "jackson-annotations", "jline2", "commons-cli", "commons-lang", "commons-io",
            "metrics-core",
            "snappy-java", "javax.servlet-api", "jetty9", "log4j-1.2", "slf4j-log4j12",
        ]
        return wanted.map { "\(folder)/\($0).jar" }.filter(FileManager.default.fileExists).joined(separator: ":")
    }()
}

/// A TCP port of the loopback interface that nobody listens at just now, outside the range from which the system takes
/// ports by itself: it would give it to another test before it is used.
func freePort() throws -> Int {
    for _ in 0..<100 {
        if let port = try? port(ifFree: .random(in: 10_000..<32_000)) { return port }
    }
    return try port(ifFree: 0)
}

private func port(ifFree wanted: UInt16) throws -> Int {
    let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(socket) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    address.sin_port = wanted.bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(socket, $0, length) == 0 && getsockname(socket, $0, &length) == 0
        }
    }
    guard bound else { throw ChildProcess.Failure(description: "no free port: errno \(errno)") }
    return Int(UInt16(bigEndian: address.sin_port))
}

/// What a ZooKeeper server at a port of the loopback interface answers to a four-letter word; empty without a server.
func fourLetterWord(_ word: String, port: Int) -> String {
    let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(socket) }
    var limit = timeval(tv_sec: 2, tv_usec: 0)
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    address.sin_port = UInt16(port).bigEndian
    let connected = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
    }
    guard connected, send(socket, word, word.utf8.count, 0) == word.utf8.count else { return "" }
    var answer: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
        let count = recv(socket, &chunk, chunk.count, 0)
        if count <= 0 { break }
        answer += chunk[..<count]
    }
    return String(decoding: answer, as: UTF8.self)
}
