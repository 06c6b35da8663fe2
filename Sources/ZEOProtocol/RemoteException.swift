//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import ZODBFormat

/// An exception of Python as it crosses the wire: the class, and what the instance holds.
public struct RemoteException: Error, Hashable, Sendable, CustomStringConvertible {
    /// What an instance holds.
    public enum Content: Hashable, Sendable {
        /// The arguments that it was made with.
        case arguments([PickleValue])
        /// Its attributes by name, where it has any.
        case attributes([PickleItem])
    }

    /// The class with its module: `ZODB.POSException.POSKeyError`.
    public var className: String
    public var content: Content

    /// An exception of the class `className`.
    public init(_ className: String, _ content: Content) {
        self.className = className
        self.content = content
    }

    /// An exception with arguments.
    public init(_ className: String, _ arguments: PickleValue...) {
        self.init(className, .arguments(arguments))
    }

    init(wire value: PickleValue) throws(FormatError) {
        guard let parts = value.wireElements, parts.count == 2, let className = parts[0].wireText else {
            throw FormatError("message", "the exception is not a pair of class and content")
        }
        if let items = parts[1].wireItems {
            self.init(className, .attributes(items))
        } else if let arguments = parts[1].wireElements {
            self.init(className, .arguments(arguments))
        } else {
            throw FormatError("message", "the exception holds neither arguments nor attributes")
        }
    }

    var wire: PickleValue {
        switch self.content {
        case .arguments(let arguments): .tuple([.string(self.className), .tuple(arguments)])
        case .attributes(let items): .tuple([.string(self.className), .dict(items)])
        }
    }

    /// The attribute of that name.
    public subscript(attribute name: String) -> PickleValue? {
        guard case .attributes(let items) = self.content else { return nil }
        return items[wire: name]
    }

    /// The class, and what the exception says for itself.
    public var description: String {
        var message: String?
        switch self.content {
        case .arguments(let arguments):
            message = arguments.first.flatMap { $0.wireOID.map { $0.description } ?? $0.wireText }
        case .attributes: message = self[attribute: "message"]?.wireText
        }
        return message.map { "\(self.className): \($0)" } ?? self.className
    }
}
