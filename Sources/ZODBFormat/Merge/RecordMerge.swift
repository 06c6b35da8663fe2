//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Merges two changes of one object without the application, where that is possible: ZODB's conflict resolution for
/// `BTrees.Length.Length` and for the buckets, sets and one-bucket trees of every BTrees family.
///
/// The rules, the refusals and the resulting bytes are those of the BTrees package and of ZODB's `ConflictResolution`.
/// Nothing here waits, and the work is bounded by the length of the records.
public enum RecordMerge {
    /// Whether a record is of a class whose objects may be merged. Reads no more of it than its class, so that the other
    /// revisions of all other objects need not be loaded at all.
    public static func understands(_ record: ByteBuffer) -> Bool {
        var (heap, loader) = (PythonHeap(), PythonLoader(record))
        guard let meta = try? loader.load(into: &heap), let global = try? self.className(meta, in: heap) else {
            return false
        }
        return MergeRule(global) != nil
    }

    /// The record that has both changes: what turned `old` into `committed`, and what turned `old` into `new`.
    public static func merge(
        old: ByteBuffer,
        committed: ByteBuffer,
        new: ByteBuffer
    ) throws(MergeRefusal) -> ByteBuffer {
        // The order matters: of equal references the first one read is the one that is written.
        var heap = PythonHeap()
        var loader = PythonLoader(new)
        let meta = try loader.load(into: &heap)
        let global = try self.className(meta, in: heap)
        guard let rule = MergeRule(global) else { throw .unknownClass(global) }
        let newState = try loader.load(into: &heap)
        let oldState = try self.state(of: old, global, into: &heap)
        let committedState = try self.state(of: committed, global, into: &heap)

        let states = [oldState, committedState, newState]
        let budget = 10_000 + 16 * (old.readableBytes + committed.readableBytes + new.readableBytes)
        let resolved: PythonHeap.Handle
        switch rule {
        case .length:
            resolved = try self.length(states, &heap)
        case .bucket(let kind):
            resolved = try self.bucket(states, kind, BucketState.init(_:_:in:), budget: budget, &heap)
        case .tree(let kind):
            let bucket = try self.bucket(states, kind, BucketState.init(ofTree:_:in:), budget: budget, &heap)
            resolved = heap.add(.tuple([heap.add(.tuple([bucket]))]))
        }
        var dumper = PythonDumper(heap)
        try dumper.dump(meta)
        try dumper.dump(resolved)
        return dumper.buffer
    }

    private static func state(
        of record: ByteBuffer,
        _ global: PickleGlobal,
        into heap: inout PythonHeap
    ) throws(MergeRefusal) -> PythonHeap.Handle {
        var loader = PythonLoader(record)
        guard try self.className(loader.load(into: &heap), in: heap) == global else { throw .differentClasses }
        return try loader.load(into: &heap)
    }

    /// The class in a record's first pickle: alone, or with the arguments that it is made from, which none of ours has.
    private static func className(_ meta: PythonHeap.Handle, in heap: PythonHeap) throws(MergeRefusal) -> PickleGlobal {
        switch heap[meta] {
        case .global(let global):
            return global
        case .tuple(let parts) where parts.count == 2:
            switch heap[parts[1]] {
            case .none, .tuple([]): break
            default: throw .noClass
            }
            if case .global(let global) = heap[parts[0]] { return global }
            guard case .tuple(let names) = heap[parts[0]], names.count == 2,
                case .text(let module) = heap[names[0]], case .text(let name) = heap[names[1]]
            else { throw .noClass }
            return PickleGlobal(String(buffer: module), String(buffer: name))
        default:
            throw .noClass
        }
    }

    private static func length(
        _ states: [PythonHeap.Handle],
        _ heap: inout PythonHeap
    ) throws(MergeRefusal) -> PythonHeap.Handle {
        guard let old = PythonNumber(heap[states[0]]), let committed = PythonNumber(heap[states[1]]),
            let new = PythonNumber(heap[states[2]])
        else { throw .unexpectedState("a length that is no number") }
        switch try committed.adding(new).adding(old, negated: true) {
        case .int(let int): return heap.add(.int(int))
        case .bigInt(let bytes): return heap.add(.bigInt(bytes))
        case .float(let double): return heap.add(.float(double))
        }
    }

    private static func bucket(
        _ states: [PythonHeap.Handle],
        _ kind: BucketKind,
        _ read: (PythonHeap.Handle, BucketKind, PythonHeap) throws(MergeRefusal) -> BucketState,
        budget: Int,
        _ heap: inout PythonHeap
    ) throws(MergeRefusal) -> PythonHeap.Handle {
        let old = try read(states[0], kind, heap)
        let committed = try read(states[1], kind, heap)
        let new = try read(states[2], kind, heap)
        // Equal references are one object in the heap.
        guard old.next == committed.next, old.next == new.next else { throw .bucket(.nextChanged) }
        let merge = BucketMerge(
            old: old.items,
            committed: committed.items,
            new: new.items,
            order: PythonOrder(heap, budget: budget)
        )
        return BucketState.write(try merge.merged(), next: old.next, into: &heap)
    }
}
