//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

extension PickleReader {
    /// How much a pickle may ask for. Every length is also checked against the bytes that are there.
    public struct Limits: Hashable, Sendable {
        /// How many containers and objects may lie within each other. Values are compared, hashed and destroyed
        /// recursively, so this bounds the stack that they need.
        public var maximumDepth = 500

        /// How many values the result may have when everything that is shared is counted each time it occurs, and how
        /// many the pickle may make on the way. Each full 1024 bytes of a string count as one more.
        public var maximumValues = 10_000_000

        /// How many values may be remembered for sharing.
        public var maximumMemoEntries = 10_000_000

        /// How many bytes an integer may have. Decimal text may be as long as such an integer needs.
        public var maximumIntegerBytes = 8192

        /// The documented defaults, which fit object records.
        public init() {}

        /// Bounds for a message from a peer that is not trusted: 100 deep, a million values.
        public static let message = {
            var limits = Limits()
            limits.maximumDepth = 100
            limits.maximumValues = 1_000_000
            limits.maximumMemoEntries = 1_000_000
            limits.maximumIntegerBytes = 1024
            return limits
        }()
    }
}
