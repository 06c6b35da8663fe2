//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import ZODBFormat

/// What a server says about a storage: the answer to `get_info`.
public struct ServerInformation: Hashable, Sendable {
    /// The number of objects.
    public var length: Int
    /// The size in bytes.
    public var size: Int
    /// The storage's own name.
    public var name: String
    /// Whether transactions can be undone.
    public var supportsUndo: Bool
    /// Whether the current records can be iterated.
    public var supportsRecordIternext: Bool
    /// The interfaces that a client may rely on, in resolution order.
    public var interfaces: [PickleGlobal]

    /// Facts about a storage.
    public init(
        length: Int,
        size: Int,
        name: String,
        supportsUndo: Bool,
        supportsRecordIternext: Bool,
        interfaces: [PickleGlobal]
    ) {
        self.length = length
        self.size = size
        self.name = name
        self.supportsUndo = supportsUndo
        self.supportsRecordIternext = supportsRecordIternext
        self.interfaces = interfaces
    }

    init?(_ items: [PickleItem]) {
        guard let length = items[wire: "length"]?.wireInteger, let size = items[wire: "size"]?.wireInteger,
            let name = items[wire: "name"]?.wireText
        else { return nil }
        let interfaces = items[wire: "interfaces"]?.wireElements ?? []
        self.init(
            length: length,
            size: size,
            name: name,
            supportsUndo: items[wire: "supportsUndo"]?.wireTruth ?? false,
            supportsRecordIternext: items[wire: "supports_record_iternext"]?.wireTruth ?? false,
            interfaces: interfaces.compactMap { interface in
                guard let parts = interface.wireElements, parts.count == 2, let module = parts[0].wireText,
                    let name = parts[1].wireText
                else { return nil }
                return PickleGlobal(module, name)
            }
        )
    }

    /// The facts as a reply.
    public var reply: Reply {
        .value(
            .wire([
                "length": .int(self.length),
                "size": .int(self.size),
                "name": .string(self.name),
                "supportsUndo": .bool(self.supportsUndo),
                "supports_record_iternext": .bool(self.supportsRecordIternext),
                "interfaces": .tuple(self.interfaces.map { .tuple([.string($0.module), .string($0.name)]) }),
            ])
        )
    }
}
