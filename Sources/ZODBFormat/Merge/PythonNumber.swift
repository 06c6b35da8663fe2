//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Python's numbers: integers of any size and floats, compared and added as Python does it.
package enum PythonNumber {
    case int(Int)
    /// As in `PickleValue.bigInt`.
    case bigInt([UInt8])
    case float(Double)

    /// The number that an object is; `nil` when it is none. Truth values are numbers.
    init?(_ object: PythonHeap.Object) {
        switch object {
        case .bool(let bool): self = .int(bool ? 1 : 0)
        case .int(let int): self = .int(int)
        case .bigInt(let bytes): self = .bigInt(bytes)
        case .float(let double): self = .float(double)
        default: return nil
        }
    }

    private var twosComplement: [UInt8]? {
        switch self {
        case .int(let int): PickleInteger.littleEndian(int)
        case .bigInt(let bytes): bytes
        case .float: nil
        }
    }

    private var isNegative: Bool {
        switch self {
        case .int(let int): int < 0
        case .bigInt(let bytes): (bytes.last ?? 0) & 0x80 != 0
        case .float(let double): double < 0
        }
    }

    private static let undecidable = MergeRefusal.needsApplication("the order of two numbers")

    package func isLess(than other: PythonNumber) throws(MergeRefusal) -> Bool {
        switch (self, other) {
        case (.int(let one), .int(let other)): return one < other
        case (.float(let one), .float(let other)):
            // What is not a number has no place among keys.
            guard !one.isNaN, !other.isNaN else { throw Self.undecidable }
            return one < other
        case (.int(let one), .float(let other)):
            guard !other.isNaN else { throw Self.undecidable }
            // Above 2**53 a float may lie between two integers.
            guard let down = Int(exactly: other.rounded(.down)) else { return other > 0 }
            return Double(down) == other ? one < down : one <= down
        case (.float(let one), .int(let other)):
            guard !one.isNaN else { throw Self.undecidable }
            guard let down = Int(exactly: one.rounded(.down)) else { return one < 0 }
            return down < other
        case (.bigInt(let bytes), .int): return (bytes.last ?? 0) & 0x80 != 0
        case (.int, .bigInt(let bytes)): return (bytes.last ?? 0) & 0x80 == 0
        case (.bigInt(let one), .bigInt(let other)):
            guard self.isNegative == ((other.last ?? 0) & 0x80 != 0) else { return self.isNegative }
            guard one.count == other.count else { return (one.count < other.count) != self.isNegative }
            return one.reversed().lexicographicallyPrecedes(other.reversed())
        case (.bigInt, .float(let double)), (.float(let double), .bigInt):
            guard !double.isNaN else { throw Self.undecidable }
            // Below 2**63 the sign of the large integer decides, as it does for infinities.
            guard let integer = Self.integer(double) else {
                if case .bigInt = self { return double.isFinite ? self.isNegative : double > 0 }
                return double.isFinite ? !other.isNegative : double < 0
            }
            if case .bigInt = self { return try self.isLess(than: integer) }
            return try integer.isLess(than: other)
        }
    }

    /// The integer that a large float is; `nil` for smaller ones and for those that are none.
    private static func integer(_ double: Double) -> PythonNumber? {
        guard double.isFinite, double.magnitude >= 0x1p63 else { return nil }
        // The significand has 53 bits; the lowest of them stands for at least 2**11.
        let shift = Int(double.exponent) - 52
        let significand = Int(double.significand * 0x1p52) * (double < 0 ? -1 : 1)
        let bytes =
            Array(repeating: UInt8(0), count: shift / 8) + PickleInteger.littleEndian(significand << (shift % 8))
        switch PickleInteger.value(ofLittleEndian: bytes) {
        case .int(let int): return .int(int)
        case .bigInt(let bytes): return .bigInt(bytes)
        default: return nil
        }
    }

    package func isEqual(to other: PythonNumber) throws(MergeRefusal) -> Bool {
        switch (self, other) {
        case (.int(let one), .int(let other)): return one == other
        case (.float(let one), .float(let other)): return one == other
        case (.int(let one), .float(let other)), (.float(let other), .int(let one)): return Int(exactly: other) == one
        case (.bigInt(let one), .bigInt(let other)): return one == other
        case (.int, .bigInt), (.bigInt, .int): return false
        case (.bigInt, .float(let double)): return try Self.integer(double)?.isEqual(to: self) ?? false
        case (.float, .bigInt): return try other.isEqual(to: self)
        }
    }

    /// `self + other`, or `self - other`
    func adding(_ other: PythonNumber, negated: Bool = false) throws(MergeRefusal) -> PythonNumber {
        if case .int(let one) = self, case .int(let other) = other {
            let (sum, overflow) =
                negated ? one.subtractingReportingOverflow(other) : one.addingReportingOverflow(other)
            if !overflow { return .int(sum) }
        }
        if let one = self.twosComplement, let other = other.twosComplement {
            switch PickleInteger.sum(one, other, negated: negated) {
            case .int(let int): return .int(int)
            case .bigInt(let bytes): return .bigInt(bytes)
            default: preconditionFailure("a sum of integers is an integer")
            }
        }
        guard let one = self.double, let other = other.double else {
            throw .needsApplication("a float of a large integer")
        }
        let sum = negated ? one - other : one + other
        guard !sum.isNaN else { throw .unexpectedState("not a number") }
        return .float(sum)
    }

    private var double: Double? {
        switch self {
        case .int(let int): Double(int)
        case .float(let double): double
        case .bigInt: nil
        }
    }
}
