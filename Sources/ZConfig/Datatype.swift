//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// How the text of a value becomes what it means.
public struct Datatype<Value>: Sendable {
    /// Text that does not mean anything here.
    public struct Fault: Error, Hashable, Sendable {
        /// What is wrong beyond "this was expected", if anything more can be said.
        public var detail: String?

        /// A fault of which more or nothing more can be said.
        public init(_ detail: String? = nil) {
            self.detail = detail
        }
    }

    /// What a value must be, for messages: "an integer".
    public var expected: String

    private let convert: @Sendable (String) throws(Fault) -> Value

    /// A datatype that converts text.
    public init(_ expected: String, _ convert: @escaping @Sendable (String) throws(Fault) -> Value) {
        self.expected = expected
        self.convert = convert
    }

    /// What text means.
    public func value(of text: String) throws(Fault) -> Value {
        try self.convert(text)
    }

    /// What the value of a key means.
    public func value(of key: ConfigurationSection.Key) throws(ConfigurationError) -> Value {
        do {
            return try self.convert(key.value)
        } catch {
            let detail = error.detail.map { ": " + $0 } ?? ""
            throw ConfigurationError(
                at: key.position,
                "'\(key.name)' must be \(self.expected), not '\(key.value)'\(detail)"
            )
        }
    }

    /// This datatype, and then another meaning of the result.
    public func map<Other>(
        _ expected: String? = nil,
        _ transform: @escaping @Sendable (Value) -> Other?
    ) -> Datatype<Other> {
        let convert = self.convert
        return Datatype<Other>(expected ?? self.expected) { text throws(Datatype<Other>.Fault) in
            let value: Value
            do throws(Fault) {
                value = try convert(text)
            } catch {
                throw Datatype<Other>.Fault(error.detail)
            }
            guard let other = transform(value) else { throw Datatype<Other>.Fault() }
            return other
        }
    }
}

extension Datatype where Value: Comparable & Sendable {
    /// This datatype within bounds.
    public func atLeast(_ minimum: Value) -> Datatype<Value> {
        self.map("\(self.expected) of at least \(minimum)") { $0 >= minimum ? $0 : nil }
    }

    /// This datatype within bounds.
    public func within(_ range: ClosedRange<Value>) -> Datatype<Value> {
        self.map("\(self.expected) from \(range.lowerBound) to \(range.upperBound)") { range.contains($0) ? $0 : nil }
    }
}
