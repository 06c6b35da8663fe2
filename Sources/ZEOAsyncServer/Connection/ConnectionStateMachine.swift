//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZEOProtocol
import ZODBFormat

/// What a connection may say next: first a greeting, then `register`, then everything else.
///
/// The connection's handler drives it with every frame and every call that was read from one, and performs what is
/// answered. It never sees bytes behind a frame that ends the conversation.
struct ConnectionStateMachine {
    private enum State {
        /// The client has not answered the greeting. Next: `unregistered`, `closed`.
        case greeting
        /// The client has not chosen a storage. Next: `registered`, `closed`.
        case unregistered(WireFormat)
        /// The client may call everything. Next: `closed`.
        case registered(WireFormat)
        /// Nothing is read or written any more.
        case closed
    }

    enum FrameAction: Hashable {
        /// Read the frame as a call.
        case decode(WireFormat)
        /// The greeting is complete.
        case greeted(WireFormat)
        /// Answer how the server is, and close.
        case tellHealth
        /// The peer speaks something else: close.
        case refuse(FormatError)
        case ignore
    }

    enum CallAction: Hashable {
        case register(storage: String, isReadOnly: Bool)
        case answer
        /// The arguments make no sense.
        case answerMalformed(problem: String)
        /// Such a call is not allowed, or not now: close.
        case refuse(method: String)
        case ignore
    }

    private var state = State.greeting

    /// The format that client and server have agreed upon.
    var format: WireFormat? {
        switch self.state {
        case .unregistered(let format), .registered(let format): format
        case .greeting, .closed: nil
        }
    }

    var isClosed: Bool {
        if case .closed = self.state { return true }
        return false
    }

    mutating func received(frame: ByteBuffer) -> FrameAction {
        switch self.state {
        case .closed:
            return .ignore
        case .unregistered(let format), .registered(let format):
            return .decode(format)
        case .greeting:
            do {
                switch try Greeting(frame) {
                case .version5(let format):
                    self.state = .unregistered(format)
                    return .greeted(format)
                case .areYouOkay:
                    self.state = .closed
                    return .tellHealth
                }
            } catch {
                self.state = .closed
                return .refuse(error)
            }
        }
    }

    mutating func received(_ call: ServerCall) -> CallAction {
        if case .keepAlive = call { return .ignore }
        switch self.state {
        case .greeting, .closed:
            return .ignore
        case .unregistered:
            guard case .register(let storage, let isReadOnly) = call else { return self.refuse(call) }
            return .register(storage: storage, isReadOnly: isReadOnly)
        case .registered:
            switch call {
            case .register, .other:
                return self.refuse(call)
            case .malformed("register", _):
                return self.refuse(call)
            case .malformed(_, let problem):
                return .answerMalformed(problem: problem)
            default:
                return .answer
            }
        }
    }

    /// The storage is chosen.
    mutating func registered() {
        guard case .unregistered(let format) = self.state else { return }
        self.state = .registered(format)
    }

    mutating func closed() {
        self.state = .closed
    }

    private mutating func refuse(_ call: ServerCall) -> CallAction {
        self.state = .closed
        return .refuse(method: call.method)
    }
}
