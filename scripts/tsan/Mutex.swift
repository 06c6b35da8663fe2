//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

#if THREAD_SANITIZER
import Foundation

/// Takes the place of `Synchronization.Mutex` where ThreadSanitizer looks on.
///
/// ThreadSanitizer sees the locks of POSIX and not the ones of the Synchronization library, which is not instrumented: it
/// would report every value that a `Mutex` guards. A declaration of one's own module wins over an imported one, so each
/// module that locks has a link to this file.
@safe
struct Mutex<Value: ~Copyable>: ~Copyable, @unchecked Sendable {
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    private let value: UnsafeMutablePointer<Value>

    init(_ initialValue: consuming sending Value) {
        unsafe self.lock = .allocate(capacity: 1)
        unsafe self.value = .allocate(capacity: 1)
        unsafe self.lock.initialize(to: pthread_mutex_t())
        unsafe pthread_mutex_init(self.lock, nil)
        unsafe self.value.initialize(to: initialValue)
    }

    deinit {
        unsafe self.value.deinitialize(count: 1)
        unsafe self.value.deallocate()
        unsafe pthread_mutex_destroy(self.lock)
        unsafe self.lock.deallocate()
    }

    borrowing func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        unsafe pthread_mutex_lock(self.lock)
        defer { unsafe pthread_mutex_unlock(self.lock) }
        return try unsafe body(&self.value.pointee)
    }
}
#endif
