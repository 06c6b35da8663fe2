//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

internal import CZooKeeper

/// The C memory of one multi: the library writes results into it until the multi is answered or the handle is closed.
@safe
struct MultiBuffers {
    let operations: [ZooKeeperOperation]
    let results: UnsafeMutableBufferPointer<zoo_op_result_t>
    private let paths: [UnsafeMutableBufferPointer<CChar>]
    private let stats: UnsafeMutableBufferPointer<Stat>

    init(_ operations: [ZooKeeperOperation]) {
        self.operations = operations
        unsafe self.results = .allocate(capacity: operations.count)
        unsafe self.results.initialize(repeating: zoo_op_result_t(err: 0, value: nil, valuelen: 0, stat: nil))
        unsafe self.stats = .allocate(capacity: operations.count)
        unsafe self.stats.initialize(repeating: Stat())
        unsafe self.paths = operations.map { operation in
            // Room for the digits of a sequential node, a sign and the end.
            let buffer = UnsafeMutableBufferPointer<CChar>.allocate(capacity: operation.path.utf8.count + 16)
            unsafe buffer.initialize(repeating: 0)
            return unsafe buffer
        }
    }

    func deallocate() {
        unsafe self.results.deallocate()
        unsafe self.stats.deallocate()
        unsafe self.paths.forEach { unsafe $0.deallocate() }
    }

    /// Calls `body` with the operations in the library's form, which it has copied when it returns.
    func withOperations<Result>(_ body: (UnsafeBufferPointer<zoo_op_t>) -> Result) -> Result {
        var arena = CArena()
        defer { arena.deallocate() }
        var list: [zoo_op_t] = unsafe []
        for (index, operation) in self.operations.enumerated() {
            var item = unsafe zoo_op_t()
            let path = unsafe arena.string(operation.path)
            switch operation.kind {
            case .create(let data, let mode, let acl):
                let buffer = unsafe self.paths[index]
                unsafe zoo_create_op_init(
                    &item,
                    path,
                    arena.bytes(data),
                    data.map { Int32(clamping: $0.count) } ?? -1,
                    arena.acl(acl),
                    mode.kind.rawValue,
                    buffer.baseAddress,
                    Int32(buffer.count)
                )
                unsafe item.create_op.ttl = mode.timeToLive ?? 0
            case .delete(let version):
                unsafe zoo_delete_op_init(&item, path, version)
            case .set(let data, let version):
                let stat = unsafe self.stats.baseAddress.map { unsafe $0 + index }
                unsafe zoo_set_op_init(
                    &item,
                    path,
                    arena.bytes(data),
                    data.map { Int32(clamping: $0.count) } ?? -1,
                    version,
                    stat
                )
            case .check(let version):
                unsafe zoo_check_op_init(&item, path, version)
            }
            unsafe list.append(item)
        }
        return unsafe list.withUnsafeBufferPointer { unsafe body($0) }
    }

    func readResults() -> [(code: Int32, ZooKeeperOperationResult)] {
        self.operations.enumerated().map { index, operation in
            let code = unsafe self.results[index].err
            switch operation.kind {
            case .create:
                let path = unsafe self.paths[index].baseAddress.map { unsafe String(cString: $0) }
                return (code, .created(path: path ?? ""))
            case .delete: return (code, .deleted)
            case .set: return unsafe (code, .set(ZNodeStat(self.stats[index])))
            case .check: return (code, .checked)
            }
        }
    }
}
