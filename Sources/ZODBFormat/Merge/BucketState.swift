//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// The state of a bucket or set: its items, and the bucket behind it in the tree.
struct BucketState {
    let items: [BucketMerge.Item]
    /// The reference to the next bucket; the last one has none.
    let next: PythonHeap.Handle?

    /// A bucket with nothing in it.
    static let empty = BucketState(items: [], next: nil)

    private init(items: [BucketMerge.Item], next: PythonHeap.Handle?) {
        self.items = items
        self.next = next
    }

    /// Reads `((key, value, key, value, …), next)`, of a set `((key, key, …), next)`, where `next` may be missing.
    init(
        _ state: PythonHeap.Handle,
        _ kind: BucketKind,
        in heap: PythonHeap
    ) throws(MergeRefusal) {
        guard case .tuple(let parts) = heap[state], parts.count == 1 || parts.count == 2,
            case .tuple(let elements) = heap[parts[0]]
        else { throw .unexpectedState("a bucket that is none") }
        if parts.count == 2 {
            guard case .reference = heap[parts[1]] else { throw .unexpectedState("a next bucket that is none") }
            self.next = parts[1]
        } else {
            self.next = nil
        }
        let width = kind.hasValues ? 2 : 1
        guard elements.count.isMultiple(of: width) else { throw .unexpectedState("a key without a value") }
        var items: [BucketMerge.Item] = []
        items.reserveCapacity(elements.count / width)
        for index in stride(from: 0, to: elements.count, by: width) {
            let key = try BucketElement(elements[index], as: kind.family.key, in: heap)
            let value =
                kind.hasValues ? try BucketElement(elements[index + 1], as: kind.family.value, in: heap) : nil
            items.append((key, value))
        }
        self.items = items
    }

    /// Reads the state of a tree: `None`, or a bucket's state within two tuples.
    init(
        ofTree state: PythonHeap.Handle,
        _ kind: BucketKind,
        in heap: PythonHeap
    ) throws(MergeRefusal) {
        switch heap[state] {
        case .none:
            self = .empty
        case .tuple(let parts) where parts.count == 2:
            throw .bucket(.internalNode)
        case .tuple(let parts) where parts.count == 1:
            guard case .tuple(let inner) = heap[parts[0]], inner.count == 1 else {
                throw .unexpectedState("a tree that is none")
            }
            self = try BucketState(inner[0], kind, in: heap)
        default:
            throw .unexpectedState("a tree that is none")
        }
    }

    /// The state with these items and this next bucket, as it is stored.
    static func write(
        _ items: [BucketMerge.Item],
        next: PythonHeap.Handle?,
        into heap: inout PythonHeap
    ) -> PythonHeap.Handle {
        var elements: [PythonHeap.Handle] = []
        for item in items {
            elements.append(item.key.object(in: &heap))
            if let value = item.value { elements.append(value.object(in: &heap)) }
        }
        let tuple = heap.add(.tuple(elements))
        return heap.add(.tuple(next.map { [tuple, $0] } ?? [tuple]))
    }
}
