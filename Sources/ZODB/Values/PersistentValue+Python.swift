//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import FoundationEssentials
import NIOCore
import ZODBFormat

/// Objects of Python's standard library that are plain data: each has a Swift form, and is written as Python writes it.
extension PersistentValue {
    /// A `datetime.date`.
    public static func date(_ date: PythonDate) -> PersistentValue {
        .call("datetime", "date", [.bytes(ByteBuffer(bytes: date.packed))])
    }

    /// A `datetime.time`.
    public static func time(_ time: PythonTime, zone: PythonTimeZone = .unknown) -> PersistentValue {
        .call("datetime", "time", [.bytes(ByteBuffer(bytes: time.packed))] + zone.arguments)
    }

    /// A `datetime.datetime`.
    public static func dateTime(_ moment: PythonDateTime) -> PersistentValue {
        let bytes = ByteBuffer(bytes: moment.date.packed + moment.time.packed)
        return .call("datetime", "datetime", [.bytes(bytes)] + moment.zone.arguments)
    }

    /// A `datetime.datetime` in UTC, with the zone, to the microsecond.
    public static func date(_ date: Date) -> PersistentValue {
        .dateTime(PythonDateTime(microsecondsSince1970: Int((date.timeIntervalSince1970 * 1e6).rounded())))
    }

    /// A `datetime.timedelta`.
    public static func timeDelta(_ delta: PythonTimeDelta) -> PersistentValue { .opaque(delta.pickle) }

    /// A `decimal.Decimal`, with the digits as they are: `1.10` is not `1.1`.
    public static func decimal(_ digits: String) -> PersistentValue { .call("decimal", "Decimal", [.string(digits)]) }

    /// A `decimal.Decimal`.
    public static func decimal(_ decimal: Decimal) -> PersistentValue { .decimal("\(decimal)") }

    /// A `complex`.
    public static func complex(_ real: Double, _ imaginary: Double) -> PersistentValue {
        .call("builtins", "complex", [.float(real), .float(imaginary)])
    }

    /// A `uuid.UUID`.
    public static func uuid(_ uuid: UUID) -> PersistentValue {
        let u = uuid.uuid
        let bytes = [u.0, u.1, u.2, u.3, u.4, u.5, u.6, u.7, u.8, u.9, u.10, u.11, u.12, u.13, u.14, u.15]
        let integer = PersistentValue.bigInteger(BigInteger(twosComplement: bytes.reversed() + [0])).pickle
        return .opaque(
            .object(
                PickleObject(
                    .new,
                    callable: .global(PickleGlobal("uuid", "UUID")),
                    arguments: .tuple([]),
                    state: .dict([PickleItem("int", integer)])
                )
            )
        )
    }

    private static func call(_ module: String, _ name: String, _ arguments: [PickleValue]) -> PersistentValue {
        .opaque(.call(module, name, arguments))
    }

    // MARK: Reading

    /// The day, where it is a `datetime.date`.
    public var pythonDate: PythonDate? {
        self.arguments(of: "datetime", "date")?.first?.asBytes.flatMap {
            PythonDate(packed: Array($0.readableBytesView))
        }
    }

    /// The time of the day and its zone, where it is a `datetime.time`.
    public var pythonTime: (time: PythonTime, zone: PythonTimeZone)? {
        guard let arguments = self.arguments(of: "datetime", "time"),
            let bytes = arguments.first?.asBytes, let time = PythonTime(packed: bytes.readableBytesView[...])
        else { return nil }
        return (time, PythonTimeZone(arguments.dropFirst().first))
    }

    /// The moment, where it is a `datetime.datetime`.
    public var dateTime: PythonDateTime? {
        guard let arguments = self.arguments(of: "datetime", "datetime"), let bytes = arguments.first?.asBytes,
            bytes.readableBytes == 10, var date = PythonDate(packed: Array(bytes.readableBytesView.prefix(4))),
            var time = PythonTime(packed: bytes.readableBytesView.dropFirst(4))
        else { return nil }
        if date.month > 128 { (date.month, time.isFold) = (date.month - 128, true) }
        return PythonDateTime(date, time, zone: PythonTimeZone(arguments.dropFirst().first))
    }

    /// The moment, where it is a `datetime.datetime`; without a zone it is taken for UTC. `nil` for zones with rules of
    /// their own.
    public var date: Date? {
        self.dateTime?.microsecondsSince1970.map { Date(timeIntervalSince1970: Double($0) / 1e6) }
    }

    /// The length of time, where it is a `datetime.timedelta`.
    public var timeDelta: PythonTimeDelta? {
        if case .opaque(let pickle) = self { PythonTimeDelta(pickle) } else { nil }
    }

    /// The digits, where it is a `decimal.Decimal`.
    public var decimalDigits: String? {
        guard let digits = self.arguments(of: "decimal", "Decimal")?.first?.asText else { return nil }
        return digits
    }

    /// The number, where it is a `decimal.Decimal` that Foundation's type holds.
    public var decimal: Decimal? { self.decimalDigits.flatMap { Decimal(string: $0) } }

    /// The two parts, where it is a `complex`.
    public var complex: (real: Double, imaginary: Double)? {
        guard let arguments = self.arguments(of: "builtins", "complex") ?? self.arguments(of: "__builtin__", "complex"),
            arguments.count == 2, let real = arguments[0].asDouble, let imaginary = arguments[1].asDouble
        else { return nil }
        return (real, imaginary)
    }

    /// The identifier, where it is a `uuid.UUID`.
    public var uuid: UUID? {
        guard case .opaque(.object(let object)) = self, object.callable == .global(PickleGlobal("uuid", "UUID")),
            let integer = object.state?["int"], let value = PersistentValue(integer).bigInteger, !value.isNegative,
            value.bytes.count <= 17
        else { return nil }
        let b = Array((value.bytes + Array(repeating: 0, count: 17)).prefix(16).reversed())
        return UUID(
            uuid: (
                b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]
            )
        )
    }

    /// The arguments of the call that makes the object, where it is made by this one.
    private func arguments(of module: String, _ name: String) -> [PickleValue]? {
        guard case .opaque(let pickle) = self else { return nil }
        return pickle.arguments(of: module, name)
    }
}

extension PickleValue {
    fileprivate static func call(_ module: String, _ name: String, _ arguments: [PickleValue]) -> PickleValue {
        .object(
            PickleObject(.reduce, callable: .global(PickleGlobal(module, name)), arguments: .tuple(arguments))
        )
    }

    fileprivate func arguments(of module: String, _ name: String) -> [PickleValue]? {
        guard case .object(let object) = self, object.callable == .global(PickleGlobal(module, name)),
            object.construction == .reduce, case .tuple(let arguments) = object.arguments
        else { return nil }
        return arguments
    }
}

extension PythonDate {
    fileprivate var packed: [UInt8] {
        [UInt8(truncatingIfNeeded: self.year >> 8), UInt8(truncatingIfNeeded: self.year)]
            + [self.month, self.day].map { UInt8(truncatingIfNeeded: $0) }
    }

    fileprivate init?(packed bytes: [UInt8]) {
        guard bytes.count == 4 else { return nil }
        self.init(year: Int(bytes[0]) << 8 | Int(bytes[1]), month: Int(bytes[2]), day: Int(bytes[3]))
    }
}

extension PythonTime {
    fileprivate var packed: [UInt8] {
        [self.hour, self.minute, self.second, self.microsecond >> 16, self.microsecond >> 8, self.microsecond]
            .map { UInt8(truncatingIfNeeded: $0) }
    }

    fileprivate init?(packed bytes: ByteBufferView) {
        let bytes = bytes.map(Int.init)
        guard bytes.count == 6 else { return nil }
        self.init(hour: bytes[0] & 0x7f, minute: bytes[1], second: bytes[2])
        self.microsecond = bytes[3] << 16 | bytes[4] << 8 | bytes[5]
        self.isFold = bytes[0] > 0x7f
    }
}

extension PythonTimeDelta {
    fileprivate var pickle: PickleValue {
        let day = 86_400 * 1_000_000
        let (quotient, remainder) = self.microseconds.quotientAndRemainder(dividingBy: day)
        // As in Python only the days are negative.
        let days = remainder < 0 ? quotient - 1 : quotient
        let rest = remainder < 0 ? remainder + day : remainder
        return .call("datetime", "timedelta", [.int(days), .int(rest / 1_000_000), .int(rest % 1_000_000)])
    }

    fileprivate init?(_ pickle: PickleValue) {
        guard let parts = pickle.arguments(of: "datetime", "timedelta")?.map(\.asInt), parts.count == 3,
            let days = parts[0], let seconds = parts[1], let microseconds = parts[2],
            abs(days) < 100_000_000, abs(seconds) < 1_000_000, abs(microseconds) < 10_000_000
        else { return nil }
        self.init(microseconds: (days * 86_400 + seconds) * 1_000_000 + microseconds)
    }
}

extension PythonTimeZone {
    fileprivate var arguments: [PickleValue] {
        switch self {
        case .unknown: []
        case .offset(let delta): [.call("datetime", "timezone", [delta.pickle])]
        case .rules(let pickle): [pickle]
        }
    }

    fileprivate init(_ pickle: PickleValue?) {
        guard let pickle else {
            self = .unknown
            return
        }
        if let delta = pickle.arguments(of: "datetime", "timezone")?.first.flatMap({ PythonTimeDelta($0) }) {
            self = .offset(delta)
        } else if pickle.arguments(of: "pytz", "_UTC") != nil {
            self = .utc
        } else {
            self = .rules(pickle)
        }
    }
}
