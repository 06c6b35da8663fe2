//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Who somebody is: a scheme and an id in it, `digest` and `user:hash` for instance.
struct Identity: Hashable {
    var scheme: String
    var id: String

    static let anyone = Identity(scheme: "world", id: "anyone")
}

/// What may be done to a node, as bits.
struct Permissions: OptionSet, Hashable {
    var rawValue: Int32

    static let read = Permissions(rawValue: 1)
    static let write = Permissions(rawValue: 2)
    static let create = Permissions(rawValue: 4)
    static let delete = Permissions(rawValue: 8)
    static let admin = Permissions(rawValue: 16)
    static let all = Permissions(rawValue: 31)
}

/// Somebody, and what they may do.
struct ACLEntry: Hashable {
    var permissions: Permissions
    var identity: Identity

    static let open = [ACLEntry(permissions: .all, identity: .anyone)]
    static let readOnly = [ACLEntry(permissions: .read, identity: .anyone)]

    /// Whether one of `identities` gets any of `wanted` from this entry.
    func grants(_ wanted: Permissions, to identities: [Identity]) -> Bool {
        guard !self.permissions.isDisjoint(with: wanted) else { return false }
        if self.identity == .anyone { return true }
        return identities.contains { caller in
            guard caller.scheme == self.identity.scheme else { return false }
            switch self.identity.scheme {
            case "ip": return IPv4Network(self.identity.id)?.contains(caller.id) ?? false
            case "digest": return caller.id == self.identity.id
            default: return false
            }
        }
    }
}

extension [ACLEntry] {
    /// Throws unless one of `identities` may do what `wanted` says.
    func demand(_ wanted: Permissions, of identities: [Identity]) throws(ZooKeeperCode) {
        if self.isEmpty { return }
        guard self.contains(where: { $0.grants(wanted, to: identities) }) else { throw .noAuth }
    }

    /// The list to store when `identities` ask for this one: each entry once, `auth` replaced by who the caller is.
    func resolved(for identities: [Identity]) throws(ZooKeeperCode) -> [ACLEntry] {
        var seen: Set<ACLEntry> = []
        let unique = self.filter { seen.insert($0).inserted }
        if unique.isEmpty { throw .invalidACL }
        var result: [ACLEntry] = []
        for entry in unique {
            switch entry.identity.scheme {
            case "world" where entry.identity.id == "anyone":
                result.append(entry)
            case "auth":
                // An address says where somebody is, not who.
                let authenticated = identities.filter { $0.scheme == "digest" }
                if authenticated.isEmpty { throw .invalidACL }
                result += authenticated.map { ACLEntry(permissions: entry.permissions, identity: $0) }
            case "digest":
                guard entry.identity.isWellFormedDigest else { throw .invalidACL }
                result.append(entry)
            case "ip":
                guard IPv4Network(entry.identity.id) != nil else { throw .invalidACL }
                result.append(entry)
            default:
                throw .invalidACL
            }
        }
        return result
    }

    /// The list with every password hash replaced by an `x`, as those see it who may not change it.
    var withoutHashes: [ACLEntry] {
        self.map { entry in
            guard entry.identity.scheme == "digest",
                let colon = entry.identity.id.utf8.firstIndex(of: UInt8(ascii: ":"))
            else { return entry }
            var hidden = entry
            hidden.identity.id = entry.identity.id[..<colon] + ":x"
            return hidden
        }
    }
}
