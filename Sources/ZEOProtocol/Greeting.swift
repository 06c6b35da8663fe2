//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import ZODBFormat

/// The first frame of each side: which format and version of the protocol it speaks.
public enum Greeting: Hashable, Sendable {
    /// Version 5 of the protocol in this format: `Z5` or `M5`.
    case version5(WireFormat)
    /// The question of a monitor whether the server is well: `ruok`. From clients only.
    case areYouOkay

    /// Reads the body of a peer's first frame; throws for anything but the greetings that are known.
    public init(_ body: ByteBuffer) throws(FormatError) {
        switch Array(body.readableBytesView.prefix(8)) {
        case Array("Z5".utf8): self = .version5(.pickle)
        case Array("M5".utf8): self = .version5(.messagePack)
        case Array("ruok".utf8): self = .areYouOkay
        case let bytes:
            let shown = bytes.map { (0x20..<0x7f).contains($0) ? String(UnicodeScalar($0)) : "." }.joined()
            throw FormatError("greeting", "'\(shown)' is none of Z5, M5 and ruok")
        }
    }

    /// The body of the frame.
    public var body: String {
        switch self {
        case .version5(.pickle): return "Z5"
        case .version5(.messagePack): return "M5"
        case .areYouOkay: return "ruok"
        }
    }

    /// Appends the whole frame.
    public func encode(into buffer: inout ByteBuffer) {
        SizedFrame.write(self.body.utf8, into: &buffer)
    }
}
