//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// Changes of single values. What stands elsewhere keeps its bytes, its order and its identity: instructions are put in,
/// or taken out where nothing else needs what they remember.
extension RecordOutline {
    /// The record with a value at a place, which is made where it is not there yet.
    ///
    /// - Parameters:
    ///   - path: Where the value stands, from the object. Everything but the last step must be there.
    ///   - value: The value.
    ///   - record: The record of this outline.
    package func setting(
        _ path: [RecordStep],
        to value: PickleValue,
        in record: ByteBuffer
    ) throws(RecordRefusal) -> ByteBuffer {
        let bytes = PickleWriter.instructions(for: value)
        guard let step = path.last else { throw RecordRefusal(problem: "the whole state cannot be replaced") }
        let container = try self.container(at: path.dropLast(), of: step)
        if case .constants = container {
            throw RecordRefusal(problem: "cannot be changed: a tuple has to be set as a whole")
        }
        if let (_, entry) = try self.entry(of: step, in: container) {
            return self.applying([self.replacement(of: entry.value.span, with: bytes)], to: record)
        }
        var addition = PickleWriter.instructions(for: step.key)
        addition.writeImmutableBuffer(bytes)
        addition.writeInteger(PickleOpcode.setItem.rawValue)
        switch container {
        case .attributes(let nodes): return self.applying([self.insertion(addition, behind: nodes[0])], to: record)
        case .items(let node): return self.applying([self.insertion(addition, behind: node)], to: record)
        case .stateless(let node):
            var state = ByteBuffer(bytes: [PickleOpcode.emptyDict.rawValue])
            state.writeImmutableBuffer(addition)
            state.writeInteger(PickleOpcode.build.rawValue)
            return self.applying([self.insertion(state, behind: node)], to: record)
        case .rootWithoutState:
            var state = ByteBuffer(bytes: [PickleOpcode.emptyDict.rawValue])
            state.writeImmutableBuffer(addition)
            return self.applying([self.replacement(of: self.state.span, with: state)], to: record)
        case .elements, .constants: throw RecordRefusal(problem: "has no element at this position")
        }
    }

    /// The record with one element more at the end of a list.
    package func appending(
        _ value: PickleValue,
        at path: [RecordStep],
        in record: ByteBuffer
    ) throws(RecordRefusal) -> ByteBuffer {
        guard let place = try self.place(at: path) else { throw RecordRefusal(problem: "is not there") }
        guard case .list = self[place].shape else { throw RecordRefusal(problem: "is no list") }
        var addition = PickleWriter.instructions(for: value)
        addition.writeInteger(PickleOpcode.append.rawValue)
        return self.applying([self.insertion(addition, behind: place.node)], to: record)
    }

    /// The record without an attribute, item or element; as it is where that is not there.
    package func removing(_ path: [RecordStep], in record: ByteBuffer) throws(RecordRefusal) -> ByteBuffer {
        guard let step = path.last else { throw RecordRefusal(problem: "the whole state cannot be removed") }
        let container = try self.container(at: path.dropLast(), of: step)
        if case .constants = container {
            throw RecordRefusal(problem: "cannot be changed: a tuple has to be set as a whole")
        }
        guard let (node, found) = try self.entry(of: step, in: container) else { return record }
        // Earlier values of the same key must not come to light.
        let entries = self.nodes[node].entries.filter { entry in
            guard let key = entry.key, let other = found.key else { return entry.span == found.span }
            if case .leaf(let one) = self[key].shape, case .leaf(let two) = self[other].shape { return one == two }
            return entry.span == found.span
        }
        return self.applying(entries.map(self.removal), to: record)
    }

    /// The record with other persistent ids where `replace` has any.
    package func replacingPersistentIDs(
        in record: ByteBuffer,
        _ replace: (PickleValue) -> PickleValue?
    ) -> ByteBuffer {
        var splices: [Splice] = []
        for node in self.nodes {
            guard case .persistentID(let id) = node.shape, case .leaf(let value?) = self[id].shape,
                let replacement = replace(value)
            else { continue }
            splices.append(Splice(span: id.span, bytes: PickleWriter.instructions(for: replacement)))
        }
        return splices.isEmpty ? record : self.applying(splices, to: record)
    }

    /// The persistent ids that are values without parts.
    package var plainPersistentIDs: [PickleValue] {
        self.nodes.compactMap { node in
            guard case .persistentID(let id) = node.shape, case .leaf(let value) = self[id].shape else { return nil }
            return value
        }
    }

    private func container(at path: some Collection<RecordStep>, of step: RecordStep) throws(RecordRefusal) -> Container
    {
        if path.isEmpty { return try self.container(of: step, in: nil) }
        guard let place = try self.place(at: path) else {
            throw RecordRefusal(problem: "is part of something that is not there")
        }
        return try self.container(of: step, in: place)
    }

    // MARK: Splices

    struct Splice {
        var span: Range<Int>
        var bytes: ByteBuffer
    }

    private func insertion(_ bytes: ByteBuffer, behind node: NodeID) -> Splice {
        Splice(span: self.nodes[node].end..<self.nodes[node].end, bytes: bytes)
    }

    /// Where something else names what the old value remembers, it is made as before, and thrown away.
    private func replacement(of span: Range<Int>, with bytes: ByteBuffer) -> Splice {
        if self.isRemovable(span) { return Splice(span: span, bytes: bytes) }
        var replacement = ByteBuffer(bytes: [PickleOpcode.pop.rawValue])
        replacement.writeImmutableBuffer(bytes)
        return Splice(span: span.upperBound..<span.upperBound, bytes: replacement)
    }

    private func removal(of entry: Entry) -> Splice {
        let pops = ByteBuffer(repeating: PickleOpcode.pop.rawValue, count: entry.key == nil ? 1 : 2)
        if let filler = entry.filler {
            // The instruction that puts it in must go with it.
            return self.isRemovable(entry.span)
                ? Splice(span: entry.span.lowerBound..<filler + 1, bytes: ByteBuffer())
                : Splice(span: filler..<filler + 1, bytes: pops)
        }
        return self.isRemovable(entry.span)
            ? Splice(span: entry.span, bytes: ByteBuffer())
            : Splice(span: entry.span.upperBound..<entry.span.upperBound, bytes: pops)
    }

    /// The record with some bytes exchanged, and without frames, whose lengths would be wrong.
    func applying(_ splices: [Splice], to record: ByteBuffer) -> ByteBuffer {
        let frames = self.frames.filter { frame in !splices.contains { $0.span.contains(frame.lowerBound) } }
        let all = splices + frames.map { Splice(span: $0, bytes: ByteBuffer()) }
        var result = ByteBuffer()
        var offset = 0
        let view = record.readableBytesView
        for splice in all.sorted(by: { $0.span.lowerBound < $1.span.lowerBound }) {
            result.writeBytes(view.dropFirst(offset).prefix(splice.span.lowerBound - offset))
            result.writeImmutableBuffer(splice.bytes)
            offset = splice.span.upperBound
        }
        result.writeBytes(view.dropFirst(offset))
        return result
    }
}

extension RecordStep {
    /// What the step is called in the dictionary that it leads into.
    var key: PickleValue {
        switch self {
        case .attribute(let name): .string(name)
        case .item(let key): key
        }
    }
}

extension PickleWriter {
    /// The instructions that put a value on the stack, without those that begin and end a pickle.
    static func instructions(for value: PickleValue) -> ByteBuffer {
        var pickle = ByteBuffer()
        PickleWriter().write(value, into: &pickle)
        pickle.moveReaderIndex(forwardBy: 2)
        pickle.moveWriterIndex(to: pickle.writerIndex - 1)
        return pickle
    }
}
