//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import ZODBFormat

/// What a server tells a client of its own accord.
public enum ClientCall: Hashable, Sendable {
    /// A transaction of somebody else changed these objects.
    case invalidateTransaction(TransactionID, [ObjectID])
    /// Facts that changed, by name: `length` and `size`.
    case info([PickleItem])
    /// The file of a blob follows.
    case receiveBlobStart(ObjectID, TransactionID)
    /// The next part of the file of a blob.
    case receiveBlobChunk(ObjectID, TransactionID, ByteBuffer)
    /// The file of a blob is complete.
    case receiveBlobStop(ObjectID, TransactionID)
    /// A method without a typed form here.
    case other(method: String, arguments: [PickleValue])

    /// How much the storage holds: the number of objects and the size in bytes.
    public static func info(length: Int, size: Int) -> ClientCall {
        .info([PickleItem(.string("length"), .int(length)), PickleItem(.string("size"), .int(size))])
    }

    /// The name of the method that is called.
    public var method: String {
        switch self {
        case .invalidateTransaction: "invalidateTransaction"
        case .info: "info"
        case .receiveBlobStart: "receiveBlobStart"
        case .receiveBlobChunk: "receiveBlobChunk"
        case .receiveBlobStop: "receiveBlobStop"
        case .other(let method, _): method
        }
    }

    init(method: String, arguments: PickleValue) throws(FormatError) {
        guard let values = arguments.wireElements else {
            throw FormatError("message", "the arguments of \(method) are not a sequence")
        }
        let malformed = FormatError("message", "\(method) has wrong arguments")
        switch method {
        case "invalidateTransaction":
            guard values.count == 2, let tid = values[0].wireTID, let oids = values[1].wireOIDs else { throw malformed }
            self = .invalidateTransaction(tid, oids)
        case "info":
            guard values.count == 1, let items = values[0].wireItems else { throw malformed }
            self = .info(items)
        case "receiveBlobStart", "receiveBlobStop":
            guard values.count == 2, let oid = values[0].wireOID, let tid = values[1].wireTID else { throw malformed }
            self = method == "receiveBlobStart" ? .receiveBlobStart(oid, tid) : .receiveBlobStop(oid, tid)
        case "receiveBlobChunk":
            guard values.count == 3, let oid = values[0].wireOID, let tid = values[1].wireTID,
                let chunk = values[2].wireBytes
            else { throw malformed }
            self = .receiveBlobChunk(oid, tid, chunk)
        default:
            self = .other(method: method, arguments: values)
        }
    }

    func writeArguments(to writer: inout MessageWriter) {
        switch self {
        case .invalidateTransaction(let tid, let oids):
            writer.startTuple(2)
            writer.write(tid)
            writer.writeList(oids) { $0.write($1) }
            writer.endTuple(2)
        case .info(let items):
            writer.writeTuple(.dict(items))
        case .receiveBlobStart(let oid, let tid), .receiveBlobStop(let oid, let tid):
            writer.writeTuple(.wire(oid), .wire(tid))
        case .receiveBlobChunk(let oid, let tid, let chunk):
            writer.writeTuple(.wire(oid), .wire(tid), .bytes(chunk))
        case .other(_, let arguments):
            writer.write(PickleValue.tuple(arguments))
        }
    }
}
