//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Reads the pickles of one record into a heap, object by object, as Python's unpickler would in conflict resolution.
///
/// It reads plain data and references. Instructions that build anything else are refused: what they mean is known to the
/// application only. The work is bounded by the length of the record.
struct PythonLoader {
    private var input: PickleInput
    private var stack: [PythonHeap.Handle] = []
    private var marks: [Int] = []
    private var memo = PickleMemo<PythonHeap.Handle>()

    init(_ record: ByteBuffer) {
        self.input = PickleInput(record)
    }

    /// Reads the next pickle of the record, which may name what the one before it remembered.
    mutating func load(into heap: inout PythonHeap) throws(MergeRefusal) -> PythonHeap.Handle {
        self.stack.removeAll(keepingCapacity: true)
        self.marks.removeAll(keepingCapacity: true)
        do {
            while true {
                let opcode = try self.input.readOpcode()
                if opcode == .stop { return try self.pop() }
                if try self.executeLeaf(opcode, &heap) { continue }
                if try self.executeStack(opcode, &heap) { continue }
                guard try self.executeContainer(opcode, &heap) else {
                    throw Fault.refusal(.needsApplication("an object that is no plain data"))
                }
            }
        } catch let error as FormatError {
            throw .unreadable(error)
        } catch let Fault.refusal(refusal) {
            throw refusal
        } catch {
            throw .unreadable(FormatError("pickle", "\(error)"))
        }
    }

    private enum Fault: Error {
        case refusal(MergeRefusal)
    }

    // MARK: Leaves

    private mutating func executeLeaf(_ opcode: PickleOpcode, _ heap: inout PythonHeap) throws -> Bool {
        switch opcode {
        case .none: self.stack.append(PythonHeap.none)
        case .newTrue: self.stack.append(PythonHeap.true)
        case .newFalse: self.stack.append(PythonHeap.false)
        case .binInt: self.stack.append(heap.add(.int(try self.input.readInteger(as: Int32.self))))
        case .binInt1: self.stack.append(heap.add(.int(Int(try self.input.readByte()))))
        case .binInt2: self.stack.append(heap.add(.int(try self.input.readInteger(as: UInt16.self))))
        case .long1: try self.pushInteger(Int(self.input.readByte()), &heap)
        case .long4: try self.pushInteger(self.input.readInteger(as: Int32.self), &heap)
        case .int, .long: try self.pushDecimal(opcode, &heap)
        case .binFloat: self.stack.append(heap.add(.float(try self.input.readDouble())))
        case .binUnicode: try self.pushText(self.input.readInteger(as: UInt32.self), &heap)
        case .shortBinString: try self.pushASCII(Int(self.input.readByte()), &heap)
        case .binString: try self.pushASCII(self.input.readInteger(as: Int32.self), &heap)
        case .shortBinBytes: try self.pushBytes(Int(self.input.readByte()), &heap)
        case .binBytes: try self.pushBytes(self.input.readInteger(as: UInt32.self), &heap)
        case .global: try self.pushGlobal(&heap)
        case .emptyTuple: self.stack.append(heap.add(.tuple([])))
        case .emptyList: self.stack.append(heap.add(.list([])))
        case .emptyDict: self.stack.append(heap.add(.dict([])))
        default: return false
        }
        return true
    }

    private mutating func pushInteger(_ length: Int, _ heap: inout PythonHeap) throws {
        guard length <= PickleReader.Limits().maximumIntegerBytes else { throw Fault.refusal(.tooLarge) }
        let bytes = try self.input.readSlice(length)
        self.stack.append(heap.addInteger(PickleInteger.value(ofLittleEndian: bytes.readableBytesView)))
    }

    private mutating func pushDecimal(_ opcode: PickleOpcode, _ heap: inout PythonHeap) throws {
        var line = String(buffer: try self.input.readLine())
        if opcode == .int, line == "00" || line == "01" {
            return self.stack.append(line == "01" ? PythonHeap.true : PythonHeap.false)
        }
        if opcode == .long, line.hasSuffix("L") { line.removeLast() }
        guard line.utf8.count <= 1000, let value = PickleInteger.value(ofDecimal: line) else {
            throw self.input.fault("an integer that is none")
        }
        self.stack.append(heap.addInteger(value))
    }

    private mutating func pushText(_ length: Int, _ heap: inout PythonHeap) throws {
        let text = try self.input.readSlice(length)
        // Python also takes lone surrogates; no text that means something has them.
        guard String(validating: text.readableBytesView, as: UTF8.self) != nil else {
            throw self.input.fault("text that is not valid UTF-8")
        }
        self.stack.append(heap.addText(text))
    }

    /// What Python 2 wrote as `str` is text to Python 3 where it is ASCII, and an error elsewhere.
    private mutating func pushASCII(_ length: Int, _ heap: inout PythonHeap) throws {
        let text = try self.input.readSlice(length)
        guard text.readableBytesView.allSatisfy({ $0 < 0x80 }) else {
            throw self.input.fault("a string that is not ASCII")
        }
        self.stack.append(heap.addText(text))
    }

    private mutating func pushBytes(_ length: Int, _ heap: inout PythonHeap) throws {
        self.stack.append(heap.addBytes(try self.input.readSlice(length)))
    }

    private mutating func pushGlobal(_ heap: inout PythonHeap) throws {
        let (module, name) = (try self.input.readTextLine(), try self.input.readTextLine())
        guard !module.isEmpty, !name.isEmpty, !name.contains("."), (module + name).utf8.allSatisfy({ $0 < 0x80 }) else {
            throw self.input.fault("the name of a class that no module has")
        }
        self.stack.append(heap.addGlobal(PickleGlobal(module, name)))
    }

    // MARK: The stack

    private mutating func executeStack(_ opcode: PickleOpcode, _ heap: inout PythonHeap) throws -> Bool {
        switch opcode {
        case .proto:
            let version = try self.input.readByte()
            guard version <= 3 else { throw self.input.fault("protocol \(version); ZODB reads 3 at most") }
        case .mark: self.marks.append(self.stack.count)
        case .pop:
            if self.marks.last == self.stack.count { self.marks.removeLast() } else { _ = try self.pop() }
        case .popMark: _ = try self.popItems()
        case .duplicate: self.stack.append(try self.top())
        case .get: try self.recall(Int(self.input.readTextLine()) ?? -1)
        case .binGet: try self.recall(Int(self.input.readByte()))
        case .longBinGet: try self.recall(self.input.readInteger(as: UInt32.self))
        case .put: try self.memo.set(Int(self.input.readTextLine()) ?? -1, to: self.top())
        case .binPut: try self.memo.set(Int(self.input.readByte()), to: self.top())
        case .longBinPut: try self.memo.set(self.input.readInteger(as: UInt32.self), to: self.top())
        default: return false
        }
        return true
    }

    private mutating func recall(_ index: Int) throws {
        guard let handle = self.memo[index] else { throw self.input.fault("memo has no value \(index)") }
        self.stack.append(handle)
    }

    private func underflow() -> FormatError { self.input.fault("takes more than the stack holds") }

    private func top() throws -> PythonHeap.Handle {
        guard self.stack.count > self.marks.last ?? 0, let top = self.stack.last else { throw self.underflow() }
        return top
    }

    private mutating func pop() throws -> PythonHeap.Handle {
        let top = try self.top()
        self.stack.removeLast()
        return top
    }

    private mutating func pop(_ count: Int) throws -> [PythonHeap.Handle] {
        guard self.stack.count - (self.marks.last ?? 0) >= count else { throw self.underflow() }
        let items = Array(self.stack.suffix(count))
        self.stack.removeLast(count)
        return items
    }

    private mutating func popItems() throws -> [PythonHeap.Handle] {
        guard let mark = self.marks.popLast() else { throw self.input.fault("takes a mark that was not set") }
        let items = Array(self.stack[mark...])
        self.stack.removeSubrange(mark...)
        return items
    }

    // MARK: Containers

    private mutating func executeContainer(_ opcode: PickleOpcode, _ heap: inout PythonHeap) throws -> Bool {
        switch opcode {
        case .tuple: self.stack.append(heap.add(.tuple(try self.popItems())))
        case .tuple1: self.stack.append(heap.add(.tuple(try self.pop(1))))
        case .tuple2: self.stack.append(heap.add(.tuple(try self.pop(2))))
        case .tuple3: self.stack.append(heap.add(.tuple(try self.pop(3))))
        case .list: self.stack.append(heap.add(.list(try self.popItems())))
        case .dict:
            let items = try self.popItems()
            self.stack.append(heap.add(.dict([])))
            try self.fill(items, &heap)
        case .append: try self.fill(self.pop(1), &heap)
        case .appends: try self.fill(self.popItems(), &heap)
        case .setItem: try self.fill(self.pop(2), &heap)
        case .setItems: try self.fill(self.popItems(), &heap)
        case .binPersistentID:
            do {
                self.stack.append(heap.addReference(try PythonReference(self.pop(), in: heap)))
            } catch let refusal as MergeRefusal {
                throw Fault.refusal(refusal)
            }
        case .reduce: try self.reduce(&heap)
        default: return false
        }
        return true
    }

    private mutating func fill(_ items: [PythonHeap.Handle], _ heap: inout PythonHeap) throws {
        guard heap.fill(try self.top(), with: items) else {
            throw self.input.fault("fills something that takes no such elements")
        }
    }

    /// The one call that is plain data: bytes that were written for Python 2, as text and the name of its encoding.
    private mutating func reduce(_ heap: inout PythonHeap) throws {
        let arguments = try self.pop()
        guard case .encode = heap[try self.pop()], case .tuple(let parts) = heap[arguments], parts.count == 2,
            case .text(let text) = heap[parts[0]], case .text(let encoding) = heap[parts[1]],
            String(buffer: encoding) == "latin1"
        else { throw Fault.refusal(.needsApplication("an object that is no plain data")) }
        var bytes = ByteBuffer()
        for scalar in String(buffer: text).unicodeScalars {
            guard let byte = UInt8(exactly: scalar.value) else { throw self.input.fault("text that is not Latin-1") }
            bytes.writeInteger(byte)
        }
        self.stack.append(heap.addBytes(bytes))
    }
}
