//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Why ZooKeeper, or the session with it, did not do what it was asked to.
public struct ZooKeeperError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of errors.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String {
            case notRunning, alreadyRunning, sessionClosed, sessionExpired, connectionLoss, connectTimeout
            case operationTimeout, noNode, nodeExists, notEmpty, badVersion, noChildrenForEphemerals, noAuth
            case authFailed, invalidACL, badArguments, unimplemented, marshallingError, sessionMoved, readOnlyServer
            case throttled, linkLoop, rolledBack, other
        }

        private var kind: Kind

        /// `run()` has not been called yet. Run the session, for example in a `ServiceGroup`.
        public static let notRunning = Code(kind: .notRunning)
        /// `run()` has been called before. Make another object.
        public static let alreadyRunning = Code(kind: .alreadyRunning)
        /// The session has been closed by ourselves. Whether a write that was under way took place is unknown.
        public static let sessionClosed = Code(kind: .sessionClosed)
        /// The session is over; another follows on its own. Ephemeral nodes and watches are gone.
        public static let sessionExpired = Code(kind: .sessionExpired)
        /// There is no connection, or it broke. Whether a write that was under way took place is unknown. Try again.
        public static let connectionLoss = Code(kind: .connectionLoss)
        /// No connection came about within the time given.
        public static let connectTimeout = Code(kind: .connectTimeout)
        /// The server did not answer in time. Whether a write took place is unknown.
        public static let operationTimeout = Code(kind: .operationTimeout)
        /// The node does not exist; for a create, its parent does not.
        public static let noNode = Code(kind: .noNode)
        /// A node of that name exists.
        public static let nodeExists = Code(kind: .nodeExists)
        /// The node has children and cannot be deleted.
        public static let notEmpty = Code(kind: .notEmpty)
        /// The node's version is not the expected one. Read it again.
        public static let badVersion = Code(kind: .badVersion)
        /// Ephemeral nodes cannot have children.
        public static let noChildrenForEphemerals = Code(kind: .noChildrenForEphemerals)
        /// The ACL does not allow it.
        public static let noAuth = Code(kind: .noAuth)
        /// The server refused a credential. The session ends, as it does for every ZooKeeper client.
        public static let authFailed = Code(kind: .authFailed)
        /// The ACL is empty or malformed.
        public static let invalidACL = Code(kind: .invalidACL)
        /// A path, a connection string or another argument makes no sense.
        public static let badArguments = Code(kind: .badArguments)
        /// The server does not know this operation.
        public static let unimplemented = Code(kind: .unimplemented)
        /// A request or its answer could not be put into bytes.
        public static let marshallingError = Code(kind: .marshallingError)
        /// The session is connected to another server by now.
        public static let sessionMoved = Code(kind: .sessionMoved)
        /// The server only reads just now.
        public static let readOnlyServer = Code(kind: .readOnlyServer)
        /// The server was too busy to do it at all. Try again.
        public static let throttled = Code(kind: .throttled)
        /// Links (`name ->` properties) in the path lead back to themselves.
        public static let linkLoop = Code(kind: .linkLoop)
        /// Another operation of the same multi failed, so this one did not take place.
        public static let rolledBack = Code(kind: .rolledBack)
        /// Something else; see ``ZooKeeperError/rawCode``.
        public static let other = Code(kind: .other)

        /// The stable name of the code.
        public var description: String { self.kind.rawValue }
    }

    /// What kind of error it is.
    public var code: Code
    /// ZooKeeper's own number (`ZNONODE` is -101, and so on); nil where the error did not come from ZooKeeper.
    public var rawCode: Int32?
    /// The path that it happened to.
    public var path: String?
    /// A sentence for people, where the code does not say it all.
    public var message: String?
    /// Which operation of a multi failed, counted from 0.
    public var operationIndex: Int?

    /// Makes an error of our own, or one that stands for ZooKeeper's.
    public init(_ code: Code, path: String? = nil, message: String? = nil, rawCode: Int32? = nil) {
        self.code = code
        self.path = path
        self.message = message
        self.rawCode = rawCode
    }

    /// Makes the error that one of ZooKeeper's numbers stands for.
    public init(rawCode: Int32, path: String? = nil) {
        self.init(Self.codes[rawCode] ?? .other, path: path, rawCode: rawCode)
    }

    /// Whether a write that ended so may or may not have taken place: read again before you repeat it.
    public var leavesOutcomeUnknown: Bool {
        [.connectionLoss, .operationTimeout, .sessionClosed, .sessionExpired, .sessionMoved].contains(self.code)
    }

    /// Whether it passes when the connection does better, without anybody's doing.
    var isTroubleWithConnections: Bool {
        self.leavesOutcomeUnknown || [.connectTimeout, .notRunning, .throttled].contains(self.code)
    }

    public var description: String {
        var text = "ZooKeeper: \(self.code)"
        if let rawCode { text += " (\(rawCode))" }
        if let path { text += " at \(path)" }
        if let operationIndex { text += ", operation \(operationIndex)" }
        if let message { text += ": \(message)" }
        return text
    }

    /// Table: ZooKeeper's numbers. They are part of its wire protocol and do not change.
    private static let codes: [Int32: Code] = [
        -2: .rolledBack, -4: .connectionLoss, -5: .marshallingError, -6: .unimplemented, -7: .operationTimeout,
        -8: .badArguments, -9: .sessionExpired, -101: .noNode, -102: .noAuth, -103: .badVersion,
        -108: .noChildrenForEphemerals, -110: .nodeExists, -111: .notEmpty, -112: .sessionExpired,
        -114: .invalidACL, -115: .authFailed, -116: .sessionClosed, -118: .sessionMoved, -119: .readOnlyServer,
        -127: .throttled,
    ]
}
