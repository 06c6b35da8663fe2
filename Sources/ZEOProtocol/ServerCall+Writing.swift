//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat

/// How the arguments of each method are written.
extension ServerCall {
    func writeArguments(to writer: inout MessageWriter) {
        switch self {
        case .getInfo, .lastTransaction, .newObjectID, .ping, .serverStatus, .storeBlobStart, .keepAlive, .malformed:
            writer.writeTuple()
        case .register(let storage, let isReadOnly):
            writer.writeTuple(.string(storage), .bool(isReadOnly))
        case .getInvalidations(let tid):
            writer.writeTuple(.wire(tid))
        case .newObjectIDs(let count):
            writer.writeTuple(.int(count))
        case .loadBefore(let oid, let tid), .loadSerial(let oid, let tid), .sendBlob(let oid, let tid):
            writer.startTuple(2)
            writer.write(oid)
            writer.write(tid)
            writer.endTuple(2)
        case .getTid(let oid):
            writer.writeTuple(.wire(oid))
        case .begin(let beginning):
            writer.writeTuple(
                beginning.token.value,
                .bytes(beginning.user),
                .bytes(beginning.description),
                .dict(beginning.extensionItems),
                beginning.tid.map { .wire($0) } ?? .none,
                .string(beginning.status)
            )
        case .store(let oid, let serial, let data, let token), .storeBlobEnd(let oid, let serial, let data, let token):
            writer.startTuple(4)
            writer.write(oid)
            writer.write(serial)
            writer.write(data)
            writer.write(token.value)
            writer.endTuple(4)
        case .checkCurrent(let oid, let serial, let token), .delete(let oid, let serial, let token):
            writer.writeTuple(.wire(oid), .wire(serial), token.value)
        case .restore(let oid, let serial, let data, let earlier, let token):
            writer.writeTuple(
                .wire(oid),
                .wire(serial),
                data.map { .bytes($0) } ?? .none,
                .wire(earlier),
                token.value
            )
        case .undo(let tid, let token):
            writer.writeTuple(.bytes(tid.base64), token.value)
        case .storeBlobChunk(let chunk):
            writer.writeTuple(.bytes(chunk))
        case .storeBlobShared(let oid, let serial, let data, let name, let token):
            writer.writeTuple(.wire(oid), .wire(serial), .bytes(data), .string(name), token.value)
        case .history(let oid, let limit):
            writer.writeTuple(.wire(oid), .int(limit))
        case .undoLog(let first, let last):
            writer.writeTuple(.int(first), .int(last))
        case .undoInfo(let first, let last, let specification):
            writer.writeTuple(.int(first), .int(last), specification.map { .dict($0) } ?? .none)
        case .pack(let time, let isWaited):
            writer.writeTuple(.float(time), .bool(isWaited))
        case .currentRecord(let oid):
            writer.writeTuple(.wire(oid))
        case .iteratorStart(let first, let last):
            writer.writeTuple(.wire(first), .wire(last))
        case .iteratorNext(let walk), .iteratorRecordNext(let walk):
            writer.writeTuple(.int(walk))
        case .iteratorRecordStart(let walk, let tid):
            writer.writeTuple(.int(walk), .wire(tid))
        case .iteratorsDropped(let walks):
            writer.writeTuple(.list(walks.map { .int($0) }))
        case .aboutNoObject:
            writer.writeTuple(.none)
        case .vote(let token), .finish(let token), .abort(let token):
            writer.writeTuple(token.value)
        case .setClientLabel(let label):
            writer.writeTuple(.string(label))
        case .other(_, let arguments):
            writer.write(PickleValue.tuple(arguments))
        }
    }
}

extension MessageWriter {
    mutating func writeTuple(_ values: PickleValue...) {
        self.startTuple(values.count)
        for value in values { self.write(value) }
        self.endTuple(values.count)
    }
}
