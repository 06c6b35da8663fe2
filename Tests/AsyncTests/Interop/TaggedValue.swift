//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import OrderedCollections
import ZODB

/// A plain value in the JSON of `population_values.py`, which says the types, so that equal lines mean equal values.
struct TaggedValue: Decodable {
    private enum Tag: String, CodingKey {
        case none, bool, int, float, text, bytes, tuple, list, dict
    }

    /// Something that has no such form.
    struct Failure: Error {
        var description: String
    }

    var value: PersistentValue

    init(_ value: PersistentValue) {
        self.value = value
    }

    /// The value that a line says.
    init(json line: String) throws {
        self = try JSONDecoder().decode(Self.self, from: Data(line.utf8))
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Tag.self)
        guard container.allKeys.count == 1, let tag = container.allKeys.first else {
            throw Failure(description: "a value has one tag, not \(container.allKeys)")
        }
        func elements() throws -> [PersistentValue] {
            try container.decode([TaggedValue].self, forKey: tag).map(\.value)
        }
        switch tag {
        case .none: self.value = .null
        case .bool: self.value = .bool(try container.decode(Bool.self, forKey: tag))
        case .int:
            let digits = try container.decode(String.self, forKey: tag)
            if let int = Int(digits) {
                self.value = .int(int)
            } else if let integer = BigInteger(digits) {
                self.value = .bigInteger(integer)
            } else {
                throw Failure(description: "\(digits) is no integer")
            }
        case .float:
            let digits = try container.decode(String.self, forKey: tag)
            guard let bits = UInt64(digits, radix: 16) else { throw Failure(description: "\(digits) is no float") }
            self.value = .double(Double(bitPattern: bits))
        case .text:
            let text = String(validating: try container.decode(Data.self, forKey: tag), as: UTF8.self)
            guard let text else { throw Failure(description: "a text is not UTF-8") }
            self.value = .string(text)
        case .bytes: self.value = .bytes(ByteBuffer(bytes: try container.decode(Data.self, forKey: tag)))
        case .tuple: self.value = .tuple(try elements())
        case .list: self.value = .list(try elements())
        case .dict:
            var items: OrderedDictionary<PersistentValue, PersistentValue> = [:]
            for item in try container.decode([[TaggedValue]].self, forKey: tag) {
                guard item.count == 2 else { throw Failure(description: "an item has a key and a value") }
                items[item[0].value] = item[1].value
            }
            self.value = .dictionary(items)
        }
    }

    /// The line that says the value.
    var json: String {
        get throws {
            switch self.value {
            case .null: #"{"none":true}"#
            case .bool(let bool): #"{"bool":\#(bool)}"#
            case .int(let int): #"{"int":"\#(int)"}"#
            case .bigInteger(let integer): #"{"int":"\#(integer)"}"#
            case .double(let double): #"{"float":"\#(Self.digits(double.bitPattern))"}"#
            case .string(let text): #"{"text":"\#(Data(text.utf8).base64EncodedString())"}"#
            case .bytes(let bytes): #"{"bytes":"\#(Data(bytes.readableBytesView).base64EncodedString())"}"#
            case .tuple(let elements): #"{"tuple":[\#(try Self.list(elements))]}"#
            case .list(let elements): #"{"list":[\#(try Self.list(elements))]}"#
            case .dictionary(let items):
                #"{"dict":[\#(try items.map { "[\(try Self.list([$0.key, $0.value]))]" }.joined(separator: ","))]}"#
            case .set, .frozenSet, .reference, .opaque: throw Failure(description: "\(self.value) is not plain data")
            }
        }
    }

    /// Sixteen hexadecimal digits.
    private static func digits(_ bits: UInt64) -> String {
        let digits = String(bits, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    private static func list(_ elements: [PersistentValue]) throws -> String {
        try elements.map { try TaggedValue($0).json }.joined(separator: ",")
    }
}
