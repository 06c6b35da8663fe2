//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Why a node of somebody else may be taken for one that a crashed predecessor left behind.
///
/// Without one of these a node is never touched: its process may live.
enum StaleEvidence: Hashable, Sendable {
    /// We listen at exactly the address that is the node's name, so nobody else can; it is no loopback address, which every
    /// machine has, and the node names no other machine, which may have the address too (of a bridge, for example).
    case socketIsOurs
    /// It names the instance that we are; whoever could also be it would have to hold our files.
    case sameInstance
    /// It names a process of this machine, in this boot and this process namespace, that does not live.
    case deadProcess

    /// Weighs what a node says.
    ///
    /// - Parameters:
    ///   - properties: The node's.
    ///   - registration: What we want to register under its name.
    ///   - process: Ourselves.
    ///   - isAlive: Whether a process of this machine lives.
    static func find(
        in properties: NodeProperties,
        for registration: Registration,
        process: ProcessIdentity,
        isAlive: (Int32) -> Bool
    ) -> StaleEvidence? {
        if let instance = registration.properties["instance"]?.string, !instance.isEmpty,
            properties["instance"]?.string == instance
        {
            return .sameInstance
        }
        if registration.holdsSocket, let address = ServiceAddress(registration.name), !address.isLoopback,
            properties["machine"] == nil || properties["machine"]?.string == process.machine
        {
            return .socketIsOurs
        }
        // Containers share the boot of their machine but number their processes each for itself.
        if let boot = process.boot, properties["boot"]?.string == boot,
            let namespace = process.namespace, properties["pid-namespace"]?.string == namespace,
            let pid = properties.pid, pid > 0, pid != process.pid, !isAlive(pid)
        {
            return .deadProcess
        }
        return nil
    }
}
