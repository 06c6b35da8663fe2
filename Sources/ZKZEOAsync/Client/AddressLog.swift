//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Which lines a client writes about the addresses that it gets from ZooKeeper: those of Python's zc.zkzeo, to the letter.
struct AddressLog {
    enum Line: Equatable {
        /// WARNING, once when there is no address any more, and repeated while the start waits for one.
        case noAddresses
        /// WARNING, when there are addresses again.
        case addressesAgain
        /// WARNING, when there are the addresses that the start waited for.
        case gotAddresses
        /// INFO, at each change.
        case addresses([String])
    }

    private enum State: Equatable {
        /// Nothing is known yet.
        case new
        /// There is no address, and the start waits for one.
        case waiting
        /// There is no address.
        case empty
        case filled([String])
    }

    private var state = State.new
    private let startWaits: Bool

    init(startWaits: Bool) {
        self.startWaits = startWaits
    }

    /// The addresses are these.
    mutating func changed(_ addresses: some Sequence<String>) -> [Line] {
        let addresses = addresses.sorted()
        defer {
            if !addresses.isEmpty { self.state = .filled(addresses) }
        }
        switch (self.state, addresses.isEmpty) {
        case (.new, true):
            self.state = self.startWaits ? .waiting : .empty
            return [.noAddresses]
        case (.filled, true):
            self.state = .empty
            return [.noAddresses]
        case (.waiting, true), (.empty, true): return []
        case (.new, false): return [.addresses(addresses)]
        case (.waiting, false): return [.gotAddresses, .addresses(addresses)]
        case (.empty, false): return [.addressesAgain, .addresses(addresses)]
        case (.filled(let known), false): return known == addresses ? [] : [.addresses(addresses)]
        }
    }

    /// Another five minutes have passed.
    func stillWaiting() -> [Line] {
        self.state == .waiting ? [.noAddresses] : []
    }
}

extension AddressLog.Line {
    /// Whether the line is a WARNING; otherwise it is an INFO.
    var isWarning: Bool { if case .addresses = self { false } else { true } }

    /// The words, for the addresses of a path.
    func text(_ connectionString: String, _ path: String) -> String {
        let place = "<\(connectionString)\(path)>"
        switch self {
        case .noAddresses: return "No addresses from \(place)"
        case .addressesAgain: return "OK: Addresses from \(place)"
        case .gotAddresses: return "OK: Got addresses from \(place)"
        case .addresses(let addresses):
            let list = addresses.map { "'\($0)'" }.joined(separator: ", ")
            return "Addresses from \(place): [\(list)]"
        }
    }
}
