//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
private import Glibc
#elseif canImport(Musl)
private import Musl
#else
private import Darwin
#endif

/// The calling thread's `errno`.
func lastSystemError() -> Int32 { errno }

/// What the system calls an error.
func systemErrorText(_ number: Int32) -> String {
    number == 0 ? "unknown" : unsafe strerror(number).map { unsafe String(cString: $0) } ?? "error \(number)"
}
