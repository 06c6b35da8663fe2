//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Reads pickles of protocols 0 to 5 within bounds, and executes nothing.
///
/// A pickle is a program that builds a value. This reader builds plain data from it, and describes every call that the
/// program would make as a ``PickleValue/object(_:)``. A few calls are plain data in disguise, which older protocols had
/// no other way to write; they are read as what they stand for:
///
/// - `_codecs.encode(text, "latin1")`: bytes
/// - `builtins` (or `__builtin__`) `.bytes`, `.bytearray`, `.list`, `.tuple`, `.dict`, `.set` and `.frozenset` of plain
///   arguments: such a value
/// - `zodbpickle.binary(bytes)`, called, made with `__new__` or by `copyreg._reconstructor`: bytes
/// - `builtins.getattr(global, "name")`: the global of a nested class
///
/// A `str` of Python 2 is read as bytes. Bytes are slices of what was read, not copies: keep a copy of small ones that
/// live long. Extension codes, buffers out of band and values that contain themselves are refused, and so are strings
/// with lone surrogates, which no Swift string can hold.
public struct PickleReader: Sendable {
    /// How much a pickle may ask for.
    public var limits: Limits

    /// A reader with bounds.
    public init(limits: Limits = Limits()) {
        self.limits = limits
    }

    /// Reads one pickle up to and including its STOP and moves the reader index behind it. On an error the index stays.
    public func read(from buffer: inout ByteBuffer) throws(FormatError) -> PickleValue {
        var machine = PickleMachine(PickleInput(buffer), limits: self.limits)
        let value = try machine.run()
        buffer.moveReaderIndex(to: machine.input.buffer.readerIndex)
        return value
    }
}
