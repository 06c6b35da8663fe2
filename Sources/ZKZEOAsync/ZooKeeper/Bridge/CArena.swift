//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

internal import CZooKeeper

/// C memory for the arguments of one call, freed together.
@safe
struct CArena {
    private var blocks: [UnsafeMutableRawPointer] = unsafe []

    mutating func deallocate() {
        unsafe self.blocks.forEach { unsafe $0.deallocate() }
        unsafe self.blocks = []
    }

    private mutating func copy(_ bytes: some Collection<UInt8>) -> UnsafeMutableRawPointer {
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, bytes.count), alignment: 8)
        unsafe block.copyBytes(from: bytes)
        // `max(1, …)` above: the address of an allocation of at least one byte is never nil.
        guard let address = block.baseAddress else { preconditionFailure("an allocation has an address") }
        unsafe self.blocks.append(address)
        return unsafe address
    }

    mutating func string(_ text: String) -> UnsafeMutablePointer<CChar> {
        let bytes = Array(text.utf8) + [0]
        return unsafe self.copy(bytes).bindMemory(to: CChar.self, capacity: bytes.count)
    }

    mutating func bytes(_ data: [UInt8]?) -> UnsafePointer<CChar>? {
        guard let data else { return nil }
        return unsafe UnsafePointer(self.copy(data).bindMemory(to: CChar.self, capacity: data.count))
    }

    mutating func acl(_ entries: [ZNodeACL]) -> UnsafePointer<ACL_vector> {
        let list = UnsafeMutablePointer<ACL>.allocate(capacity: max(1, entries.count))
        unsafe self.blocks.append(UnsafeMutableRawPointer(list))
        for (index, entry) in entries.enumerated() {
            let id = unsafe Id(scheme: self.string(entry.scheme), id: self.string(entry.identity))
            unsafe (list + index).initialize(to: ACL(perms: entry.permissions.rawValue, id: id))
        }
        let vector = UnsafeMutablePointer<ACL_vector>.allocate(capacity: 1)
        unsafe vector.initialize(to: ACL_vector(count: Int32(entries.count), data: list))
        unsafe self.blocks.append(UnsafeMutableRawPointer(vector))
        return unsafe UnsafePointer(vector)
    }
}

/// Calls `body` with an access control list in the library's form, which it has copied when it returns.
func withACLVector<Result>(_ acl: [ZNodeACL], _ body: (UnsafeMutablePointer<ACL_vector>) -> Result) -> Result {
    var arena = CArena()
    defer { arena.deallocate() }
    return unsafe body(UnsafeMutablePointer(mutating: arena.acl(acl)))
}
