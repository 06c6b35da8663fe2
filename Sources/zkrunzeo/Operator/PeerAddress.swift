//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// The address of a running server as operators write it: `HOST:PORT`, `[IPv6]:PORT`, or the path of a unix socket. What
/// is none of the first two is a path, as ZEO's and zc.zkzeo's monitors have it.
enum PeerAddress: Hashable, CustomStringConvertible {
    case internet(host: String, port: Int)
    case unix(path: String)

    init(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65535).contains(port), colon > text.startIndex, !text.contains(where: \.isWhitespace)
        else {
            self = .unix(path: text)
            return
        }
        let host = text[..<colon]
        let bare = host.hasPrefix("[") && host.hasSuffix("]") ? host.dropFirst().dropLast() : host
        self = .internet(host: String(bare), port: port)
    }

    var description: String {
        switch self {
        case .internet(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): path
        }
    }
}
