//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import ZEOProtocol
import ZODBFormat

/// Bytes that no peer sends: an error, never a crash.
@Suite(.timeLimit(.minutes(1)))
struct HostileMessageTests {
    @Test(arguments: [WireFormat.pickle, .messagePack])
    func messagesThatAreCutOffAreErrors(format: WireFormat) throws {
        for message in GoldenMessageTests.clientMessages.values {
            var frame = ByteBuffer()
            try format.encode(message, into: &frame)
            frame.moveReaderIndex(forwardBy: SizedFrame.headerSize)
            let body = frame
            for length in 0..<body.readableBytes {
                let part = try #require(body.getSlice(at: body.readerIndex, length: length))
                #expect(throws: FormatError.self) { try format.decodeClientMessage(part) }
                #expect(throws: FormatError.self) { try format.decodeServerMessage(part) }
            }
        }
    }

    @Test(arguments: [WireFormat.pickle, .messagePack])
    func messagesWithAWrongByteNeverCrash(format: WireFormat) throws {
        var generator = SeededGenerator(seed: TestSeed.value)
        for message in GoldenMessageTests.clientMessages.values {
            var frame = ByteBuffer()
            try format.encode(message, into: &frame)
            frame.moveReaderIndex(forwardBy: SizedFrame.headerSize)
            let body = frame
            for _ in 0..<300 {
                var damaged = body
                for _ in 0...Int.random(in: 0...2) {
                    let index = Int.random(in: 0..<body.readableBytes)
                    damaged.setInteger(UInt8.random(in: 0...255, using: &generator), at: body.readerIndex + index)
                }
                _ = try? format.decodeClientMessage(damaged)
                _ = try? format.decodeServerMessage(damaged)
            }
        }
    }

    /// ZEO looks at a blob's record no sooner than at the vote, and a client may abort before that.
    @Test func theRecordOfABlobMayBeAText() {
        let identifier = PickleValue.bytes(ByteBuffer(repeating: 0, count: 8))
        let call = ServerCall(
            method: "storeBlobShared",
            arguments: .tuple([identifier, identifier, .string("foo"), .string("x.tmp"), .int(1)])
        )
        let expected = ServerCall.storeBlobShared(
            ObjectID(rawValue: 0),
            serial: .zero,
            data: ByteBuffer(string: "foo"),
            filename: "x.tmp",
            TransactionToken(1)
        )
        #expect(call == expected)
    }

    @Test func announcedCountsBeyondTheBytesAreErrors() {
        let lies: [[UInt8]] = [
            [0xdd, 0xff, 0xff, 0xff, 0xff], [0xdf, 0x7f, 0xff, 0xff, 0xff, 0xa1], [0xdb, 0xff, 0xff, 0xff, 0xff, 0x41],
            [0xc6, 0xff, 0xff, 0xff, 0xff], [0xc1], [0xd4, 0x01, 0x00], [0xc7, 0x00, 0x01], [0x81, 0x01, 0x01], [],
            [0xc0, 0xc0], [0xa1, 0xff],
        ]
        for bytes in lies {
            #expect(throws: FormatError.self, "\(bytes)") { try MessagePackReader().read(ByteBuffer(bytes: bytes)) }
        }
    }

    @Test func nestingIsBounded() {
        let deep = [UInt8](repeating: 0x91, count: 1_000_000)
        #expect(throws: FormatError.self) { try MessagePackReader().read(ByteBuffer(bytes: deep)) }
        let many = [0xdc, 0x01, 0x00] + [UInt8](repeating: 0xc0, count: 256)
        #expect(throws: FormatError.self) {
            try MessagePackReader(maximumValues: 256).read(ByteBuffer(bytes: many))
        }
        #expect(throws: Never.self) { try MessagePackReader(maximumValues: 257).read(ByteBuffer(bytes: many)) }
    }

    /// What Python's server lets a client name, as plain values; everything else is refused.
    @Test func fewGlobalsAreAllowed() throws {
        func message(_ arguments: String) -> ByteBuffer {
            ByteBuffer(
                bytes: ("\u{80}\u{3}(K\u{1}\u{89}X\u{9}\0\0\0tpc_begin" + arguments + "t.").unicodeScalars.map {
                    UInt8($0.value)
                }
            )
        }
        let beginning = "(K\u{5}C\u{0}C\u{0}"
        let dictionary = "cbuiltins\ndict\n)R(X\u{1}\0\0\0aK\u{1}u"
        let read = try WireFormat.pickle.decodeClientMessage(message(beginning + dictionary + "NX\u{1}\0\0\0 t"))
        let expected = TransactionBeginning(
            token: TransactionToken(5),
            extensionItems: [PickleItem(.string("a"), .int(1))]
        )
        #expect(read.call == .begin(expected))
        for global in [
            "cos\nsystem\n(X\u{2}\0\0\0lstR", "cbuiltins\neval\n", "ccopy_reg\n_reconstructor\n)R", "Pxyz\n",
        ] {
            #expect(throws: FormatError.self, "\(global)") {
                try WireFormat.pickle.decodeClientMessage(message(beginning + global + "t"))
            }
        }
    }

    /// A few bytes that stand for a billion: an answer repeats the identity, and the server would have to write them.
    @Test func whatAMessageSharesIsCountedEachTime() throws {
        func message(doublings: Int) -> ByteBuffer {
            var bytes = ByteBuffer(bytes: [0x80, 3, UInt8(ascii: "("), UInt8(ascii: "X")])
            bytes.writeInteger(UInt32(1000), endianness: .little)
            bytes.writeRepeatingByte(UInt8(ascii: "x"), count: 1000)
            for _ in 0..<doublings { bytes.writeBytes([UInt8(ascii: "2"), 0x86]) }
            bytes.writeBytes([0x89, UInt8(ascii: "X"), 4, 0, 0, 0])
            bytes.writeString("ping)t.")
            return bytes
        }
        #expect(try WireFormat.pickle.decodeClientMessage(message(doublings: 4)).call == .ping)
        #expect(throws: FormatError.self) { try WireFormat.pickle.decodeClientMessage(message(doublings: 20)) }
    }

    @Test func framesAreCutOutOfAnyStream() throws {
        var stream = ByteBuffer()
        SizedFrame.write("one".utf8, into: &stream)
        SizedFrame.write([], into: &stream)
        SizedFrame.write([UInt8](repeating: 1, count: 100), into: &stream)
        var decoder = SizedFrameDecoder(limit: 100, introductionLimit: 3)
        #expect(try decoder.decode(buffer: &stream) == ByteBuffer(string: "one"))
        #expect(try decoder.decode(buffer: &stream) == ByteBuffer())
        #expect(try decoder.decode(buffer: &stream)?.readableBytes == 100)
        #expect(try decoder.decode(buffer: &stream) == nil)
        var long = ByteBuffer(bytes: [0, 0, 0, 4])
        var stranger = SizedFrameDecoder(limit: 100, introductionLimit: 3)
        #expect(throws: FormatError.self) { try stranger.decode(buffer: &long) }
    }
}
