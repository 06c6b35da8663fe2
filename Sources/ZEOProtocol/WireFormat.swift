//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import ZODBFormat

/// How the messages of a ZEO conversation are written down.
public enum WireFormat: Hashable, Sendable {
    /// Python pickles of protocol 3 (`Z5`).
    case pickle
    /// MessagePack (`M5`).
    case messagePack
}

/// What a client says after the greeting: a call with its identity.
public struct ClientMessage: Hashable, Sendable {
    /// The identity that the answer repeats; by custom 0 for calls without an answer.
    public var id: MessageID
    /// Whether the client wants no answer.
    public var isAsynchronous: Bool
    public var call: ServerCall

    /// A call that a client makes.
    public init(id: MessageID, isAsynchronous: Bool = false, call: ServerCall) {
        self.id = id
        self.isAsynchronous = isAsynchronous
        self.call = call
    }

    /// A call that wants no answer.
    public static func asynchronous(_ call: ServerCall) -> ClientMessage {
        ClientMessage(id: .number(0), isAsynchronous: true, call: call)
    }

    /// The message that only shows that the client lives. It gets no answer.
    public static let keepAlive = ClientMessage(id: .keepAlive, isAsynchronous: false, call: .keepAlive)
}

/// What a server says after the greeting.
public enum ServerMessage: Hashable, Sendable {
    /// The answer to the call with this identity.
    case reply(MessageID, Reply)
    /// A call of its own, which gets no answer.
    case call(ClientCall)
}

extension WireFormat {
    /// Reads what a client said in one frame. For servers.
    ///
    /// Throws for bytes that are no message at all, after which the conversation cannot go on. A call whose arguments
    /// make no sense is a `ServerCall.malformed`, and one of a method without a typed form a `ServerCall.other`.
    public func decodeClientMessage(_ body: ByteBuffer) throws(FormatError) -> ClientMessage {
        if self == .pickle, let message = PickleFastPath.clientMessage(body) { return message }
        let envelope = try self.envelope(of: body)
        guard envelope.id != .keepAlive else { return .keepAlive }
        guard let isAsynchronous = envelope.flag.wireTruth else {
            throw FormatError("message", "the asynchronous flag is neither a bool nor a number")
        }
        return ClientMessage(
            id: envelope.id,
            isAsynchronous: isAsynchronous,
            call: ServerCall(method: envelope.name, arguments: envelope.arguments)
        )
    }

    /// Reads what a server said in one frame. For clients.
    public func decodeServerMessage(_ body: ByteBuffer) throws(FormatError) -> ServerMessage {
        if self == .pickle, let message = PickleFastPath.serverMessage(body) { return message }
        let envelope = try self.envelope(of: body)
        guard envelope.name == Self.replyName else {
            return .call(try ClientCall(method: envelope.name, arguments: envelope.arguments))
        }
        // The flag of a reply is False or 0 for a result, and 2 for an exception.
        guard envelope.flag.wireTruth == true else { return .reply(envelope.id, .value(envelope.arguments)) }
        return .reply(envelope.id, .exception(try RemoteException(wire: envelope.arguments)))
    }

    /// Appends what a client says as one frame, length and all. For clients.
    ///
    /// Throws `FormatError`, and appends nothing, when the body would be longer than `limit` bytes.
    public func encode(
        _ message: ClientMessage,
        into buffer: inout ByteBuffer,
        limit: Int = SizedFrame.longestBody
    ) throws(FormatError) {
        try self.writeFrame(into: &buffer, limit) { writer in
            writer.startTuple(4)
            message.id.write(to: &writer)
            if message.call == .keepAlive {
                writer.write(0)
                writer.write(Self.replyName)
                writer.writeNone()
            } else {
                writer.write(message.isAsynchronous)
                writer.write(message.call.method)
                message.call.writeArguments(to: &writer)
            }
            writer.endTuple(4)
        }
    }

    /// Appends what a server says as one frame, length and all. For servers.
    ///
    /// Throws `FormatError`, and appends nothing, when the body would be longer than `limit` bytes.
    public func encode(
        _ message: ServerMessage,
        into buffer: inout ByteBuffer,
        limit: Int = SizedFrame.longestBody
    ) throws(FormatError) {
        try self.writeFrame(into: &buffer, limit) { writer in
            writer.startTuple(4)
            switch message {
            case .reply(let id, let reply):
                id.write(to: &writer)
                writer.write(reply.isException ? 2 : 0)
                writer.write(Self.replyName)
                reply.write(to: &writer)
            case .call(let call):
                writer.write(0)
                writer.write(true)
                writer.write(call.method)
                call.writeArguments(to: &writer)
            }
            writer.endTuple(4)
        }
    }

    static let replyName = ".reply"

    private struct Envelope {
        var id: MessageID
        var flag: PickleValue
        var name: String
        var arguments: PickleValue
    }

    private func envelope(of body: ByteBuffer) throws(FormatError) -> Envelope {
        let value = try self.decodeValue(body)
        guard case .tuple(let parts) = value, parts.count == 4 else {
            throw FormatError("message", "not a tuple of four")
        }
        guard case .string(let name) = parts[2] else { throw FormatError("message", "the method is not a string") }
        return Envelope(id: MessageID(wire: parts[0]), flag: parts[1], name: name, arguments: parts[3])
    }

    /// Reads the one value of plain data that fills a message.
    func decodeValue(_ body: ByteBuffer) throws(FormatError) -> PickleValue {
        switch self {
        case .pickle: return try PickleMarshal().read(body)
        case .messagePack: return try MessagePackReader().read(body)
        }
    }

    private func writeFrame(
        into buffer: inout ByteBuffer,
        _ limit: Int,
        _ write: (inout MessageWriter) -> Void
    ) throws(FormatError) {
        let start = buffer.writerIndex
        var isTooLong = false
        SizedFrame.write(into: &buffer) { buffer in
            var writer = MessageWriter(self, taking: &buffer, limit: limit)
            writer.start()
            write(&writer)
            writer.stop()
            isTooLong = writer.isTooLong
            buffer = writer.buffer
        }
        guard isTooLong else { return }
        buffer.moveWriterIndex(to: start)
        throw FormatError("message", "it is longer than the \(limit) bytes that it may have")
    }
}
