//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// An operation of a shared program: a line of what `shared_programs.py` runs.
enum SharedOperation {
    case make(String)
    case put(String, start: Int, count: Int, step: Int, value: Int)
    case add(String, index: Int, value: Int)
    case cut(String, start: Int, count: Int, step: Int)
    case clear(String)
    case change(String, by: Int)
    case ask(String, from: Int, through: Int, excludesMin: Bool, excludesMax: Bool)
    case dump(String)
    case commit
    case abort

    var line: String {
        switch self {
        case .make(let name): "make \(name)"
        case .put(let name, let start, let count, let step, let value): "put \(name) \(start) \(count) \(step) \(value)"
        case .add(let name, let index, let value): "add \(name) \(index) \(value)"
        case .cut(let name, let start, let count, let step): "cut \(name) \(start) \(count) \(step)"
        case .clear(let name): "clear \(name)"
        case .change(let name, let difference): "change \(name) \(difference)"
        case .ask(let name, let min, let max, let excludesMin, let excludesMax):
            "ask \(name) \(min) \(max) \(excludesMin ? 1 : 0) \(excludesMax ? 1 : 0)"
        case .dump(let name): "dump \(name)"
        case .commit: "commit"
        case .abort: "abort"
        }
    }
}

/// Makes random programs, and knows what they must say: a model of the objects with a dictionary for each.
struct SharedProgram {
    private var random: SeededGenerator
    /// The objects that there are; the value of a key is a number, too.
    private var contents: [String: [Int: Int]] = [:]
    private var committed: [String: [Int: Int]] = [:]
    /// Objects that one side has changed since the other looked at them.
    private var unseen: Set<String> = []
    private var names: [String] = []
    private var nextName = 0

    private(set) var operations: [SharedOperation] = []
    /// The lines that the operations must say.
    private(set) var said: [String] = []
    /// How many operations there have been.
    private(set) var steps = 0

    static let families = [
        "OO", "OI", "OL", "OU", "OQ", "IO", "II", "IF", "IU", "LO", "LL", "LF", "LQ", "UO", "UI", "UF", "UU", "QO",
        "QL",
        "QF", "QQ", "fs",
    ]
    private static let allNames =
        ["mapping", "length"] + families.flatMap { ["\($0).BTree", "\($0).TreeSet", "\($0).Bucket", "\($0).Set"] }

    init(seed: UInt64) {
        self.random = SeededGenerator(seed: seed)
    }

    /// Makes the program of the next turn: looks at what the other side has done, and goes on.
    mutating func nextTurn(_ turn: Int, transactions: Int) {
        self.operations = []
        self.said = []
        for name in self.unseen.sorted() { self.append(.dump(name)) }
        self.unseen = []
        if turn < 2 {
            // Either side makes half of the objects.
            for (index, name) in Self.allNames.enumerated() where index % 2 == turn { self.append(.make(name)) }
            self.append(.commit)
            self.names = self.contents.keys.sorted().shuffled(using: &self.random)
        }
        for _ in 0..<transactions { self.addTransaction() }
    }

    /// Makes the program of the next turn of these operations.
    mutating func nextTurn(_ operations: [SharedOperation]) {
        self.operations = []
        self.said = []
        for operation in operations { self.append(operation) }
    }

    private mutating func addTransaction() {
        var touched: Set<String> = []
        for _ in 0..<Int.random(in: 2...4, using: &self.random) {
            // Each object gets its turn.
            let name = self.names[self.nextName % self.names.count]
            self.nextName += 1
            touched.insert(name)
            for _ in 0..<Int.random(in: 1...4, using: &self.random) { self.addOperation(name) }
            if name.hasSuffix("BTree") || name.hasSuffix("TreeSet") {
                let (low, high) = (
                    Int.random(in: 1..<700, using: &self.random), Int.random(in: 1..<700, using: &self.random)
                )
                self.append(
                    .ask(
                        name,
                        from: min(low, high),
                        through: max(low, high),
                        excludesMin: .random(using: &self.random),
                        excludesMax: .random(using: &self.random)
                    )
                )
            }
        }
        if self.random.chance(15) {
            self.append(.abort)
        } else {
            self.append(.commit)
            self.unseen.formUnion(touched)
        }
        for name in touched.sorted() { self.append(.dump(name)) }
    }

    private mutating func addOperation(_ name: String) {
        guard name != "length" else {
            return self.append(.change(name, by: Int.random(in: -5...9, using: &self.random)))
        }
        let limit = name.hasSuffix("BTree") || name.hasSuffix("TreeSet") ? 700 : 40
        let start = Int.random(in: 0..<limit, using: &self.random)
        let value = Int.random(in: 0..<1000, using: &self.random)
        let isMany = self.random.chance(40)
        let step = isMany ? Int.random(in: 1...3, using: &self.random) : 1
        let most = (limit - 1 - start) / step + 1
        let count = isMany ? Int.random(in: 1...most, using: &self.random) : 1
        switch Int.random(in: 0..<100, using: &self.random) {
        case 0..<50: self.append(.put(name, start: start, count: count, step: step, value: value))
        case 50..<60: self.append(.add(name, index: start, value: value))
        case 60..<98: self.append(.cut(name, start: start, count: count, step: step))
        default: self.append(.clear(name))
        }
    }

    /// Adds an operation, and does to the model what it does.
    private mutating func append(_ operation: SharedOperation) {
        self.operations.append(operation)
        self.steps += 1
        switch operation {
        case .make(let name): self.contents[name] = name == "length" ? [0: 0] : [:]
        case .put(let name, let start, let count, let step, let value):
            for index in 0..<count { self.contents[name]?[start + index * step] = (value + index) % 1000 }
        case .add(let name, let index, let value):
            if self.contents[name]?[index] == nil { self.contents[name]?[index] = value }
        case .cut(let name, let start, let count, let step):
            for index in 0..<count { self.contents[name]?[start + index * step] = nil }
        case .clear(let name): self.contents[name] = [:]
        case .change(let name, let difference): self.contents[name]?[0, default: 0] += difference
        case .ask(let name, let min, let max, let excludesMin, let excludesMax):
            let keys = (self.contents[name] ?? [:]).keys.sorted()
            let range = keys.filter {
                (excludesMin ? $0 > min : $0 >= min) && (excludesMax ? $0 < max : $0 <= max)
            }
            let ends = [keys.first { $0 >= min }, keys.last { $0 <= max }].map { self.text(name, $0) }
            let text = range.map { self.text(name, $0) }.joined(separator: ";")
            self.said.append("\(name) from \(ends[0]) to \(ends[1]): \(text)")
        case .dump(let name): self.said.append("\(name): \(self.text(of: name))")
        case .commit: self.committed = self.contents
        case .abort: self.contents = self.committed
        }
    }

    private func family(_ name: String) -> String { name == "mapping" ? "OI" : String(name.prefix(2)) }

    private func text(_ name: String, _ key: Int?) -> String {
        key.map { SampleElements.text(SampleElements.key(self.family(name), $0)) } ?? "-"
    }

    private func text(of name: String) -> String {
        let content = self.contents[name] ?? [:]
        if name == "length" { return "i\(content[0] ?? 0)" }
        return content.sorted { $0.key < $1.key }.map { key, value in
            guard !name.hasSuffix("Set") else { return self.text(name, key) }
            return self.text(name, key) + "=" + SampleElements.text(SampleElements.value(self.family(name), value))
        }.joined(separator: ";")
    }
}
