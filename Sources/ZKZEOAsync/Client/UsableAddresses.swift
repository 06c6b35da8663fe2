//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// The addresses that a client may try: those that are known, and for a while those that were.
///
/// A server that loses its session is missing from ZooKeeper until it has registered again, and works all the time.
struct UsableAddresses {
    /// What a change means.
    struct Change: Equatable {
        struct Removed: Equatable {
            var address: ServerAddress
            /// Tells this removal from others of the same address.
            var removal: Int
            var grace: Duration
        }

        /// The addresses that are kept though they have been removed, and for how long.
        var removed: [Removed] = []
        /// Whether there are other addresses to try than before, or some that have come back.
        var isWorthATry = false
    }

    private var known: [ServerAddress] = []
    /// The addresses that have been removed, with the number of the removal.
    private var kept: [ServerAddress: Int] = [:]
    private var removals = 0
    /// How long removed addresses are kept; `nil` for not at all.
    private let grace: Duration?

    init(keepingRemovedFor grace: Duration?) {
        self.grace = grace
    }

    /// The addresses to try, sorted.
    var usable: [ServerAddress] { Set(self.known).union(self.kept.keys).sorted() }

    /// The known addresses are now these.
    mutating func changed(to addresses: [ServerAddress]) -> Change {
        var change = Change()
        let before = self.usable
        let (old, new) = (Set(self.known), Set(addresses))
        self.known = new.sorted()
        for address in new { self.kept[address] = nil }
        if let grace {
            for address in old.subtracting(new).sorted() {
                self.removals += 1
                self.kept[address] = self.removals
                change.removed.append(.init(address: address, removal: self.removals, grace: grace))
            }
        }
        change.isWorthATry = !new.subtracting(old).isEmpty || self.usable != before
        return change
    }

    /// The time for a removed address is over. Returns whether that is still so.
    mutating func forget(_ address: ServerAddress, removal: Int) -> Bool {
        guard self.kept[address] == removal else { return false }
        self.kept[address] = nil
        return true
    }

    /// Whether a connection to that address should be left for another one, because nobody knows the address any more.
    func hasLeft(_ address: ServerAddress) -> Bool {
        self.grace != nil && !self.known.isEmpty && !self.known.contains(address) && self.kept[address] == nil
    }
}
