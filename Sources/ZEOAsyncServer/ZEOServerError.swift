//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Why a `ZEOServer` did not run.
public struct ZEOServerError: Error, Sendable, CustomStringConvertible {
    /// The kinds of errors.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String {
            case alreadyRunning, cannotListen, cannotUseTLS, duplicateStorage, noStorage, notRunning
        }

        private var kind: Kind

        /// `run()` was called a second time. Make a new server.
        public static let alreadyRunning = Code(kind: .alreadyRunning)
        /// The address cannot be listened at: it is taken, or not ours, or a name that means nothing.
        public static let cannotListen = Code(kind: .cannotListen)
        /// A certificate or key is missing, or cannot be read, or they do not belong together.
        public static let cannotUseTLS = Code(kind: .cannotUseTLS)
        /// Two storages have one name.
        public static let duplicateStorage = Code(kind: .duplicateStorage)
        /// There is no storage to serve.
        public static let noStorage = Code(kind: .noStorage)
        /// The server has ended before it listened.
        public static let notRunning = Code(kind: .notRunning)

        public var description: String { self.kind.rawValue }
    }

    public var code: Code
    /// What happened, as a sentence.
    public var message: String
    /// What the system said.
    public var underlyingError: (any Error)?

    /// An error of a kind.
    public init(_ code: Code, _ message: String, underlyingError: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.underlyingError = underlyingError
    }

    public var description: String {
        self.underlyingError.map { "\(self.message) (\($0))" } ?? self.message
    }
}
