//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

internal import CZooKeeper
import NIOPosix

/// A `zhandle_t`: the only code that calls libzookeeper. It has no opinions.
///
/// There is one owner, the session. Requests are submitted synchronously (the library takes short mutexes and writes one
/// byte to a pipe), and `close` consumes the handle, so no thread of ours is ever inside a handle that is being closed.
@safe
struct ZKHandle: ~Copyable {
    /// Why no handle could be made: the library's `errno`.
    struct OpenFailure: Error, Hashable {
        var errno: Int32
    }

    let slot: UInt32
    private let handle: OpaquePointer

    /// Makes a handle, which begins to connect. Looks host names up, which may take long: on a thread of the pool.
    ///
    /// While the connection is lost and names cannot be looked up, one of libzookeeper's threads tries again without a pause
    /// and keeps a core busy. That is a fault of the library (seen in 3.8.0); addresses instead of names avoid it.
    static func open(
        hosts: String,
        timeout: Duration,
        identity: SessionIdentity?,
        slot: UInt32
    ) async -> Result<ZKHandleAddress, OpenFailure> {
        let milliseconds = Int32(clamping: max(1, timeout.wholeMilliseconds))
        let opened = try? await NIOThreadPool.singleton.runIfActive { () -> Result<ZKHandleAddress, OpenFailure> in
            var client = clientid_t()
            if let identity {
                client.client_id = identity.id
                unsafe withUnsafeMutableBytes(of: &client.passwd) {
                    unsafe $0.copyBytes(from: identity.password.prefix(16))
                }
            }
            let handle = unsafe withUnsafePointer(to: &client) { client in
                unsafe zookeeper_init2(
                    hosts,
                    zkSessionChanged,
                    milliseconds,
                    identity == nil ? nil : client,
                    CallbackToken(slot: slot, id: 0).pointer,
                    ZOO_NO_LOG_CLIENTENV,
                    zkLogged
                )
            }
            guard let handle = unsafe handle else { return .failure(OpenFailure(errno: lastSystemError())) }
            // Otherwise the library looks all names up again whenever it looks at its socket. It still does after the
            // connection was lost.
            unsafe zoo_set_servers_resolution_delay(handle, -1)
            return .success(ZKHandleAddress(bits: UInt(bitPattern: handle)))
        }
        return opened ?? .failure(OpenFailure(errno: 0))
    }

    /// Takes ownership of a handle that `open` made.
    init?(_ address: ZKHandleAddress, slot: UInt32) {
        guard let handle = unsafe OpaquePointer(bitPattern: address.bits) else { return nil }
        unsafe self.handle = unsafe handle
        self.slot = slot
    }

    /// Ends the session and both of the library's threads, on a thread of the pool since it waits for them and for the
    /// server. When it returns nothing calls back any more; requests that were not answered never will be.
    consuming func close() async {
        let address = unsafe ZKHandleAddress(bits: UInt(bitPattern: self.handle))
        _ = try? await NIOThreadPool.singleton.runIfActive {
            _ = unsafe zookeeper_close(OpaquePointer(bitPattern: address.bits))
        }
    }

    /// What a state of libzookeeper means; nil for those that mean nothing to us.
    static func connectionState(_ state: Int32, sessionID: Int64) -> SessionStateMachine.ConnectionState? {
        switch state {
        case ZOO_CONNECTED_STATE, ZOO_READONLY_STATE: .connected(sessionID: sessionID)
        case ZOO_CONNECTING_STATE, ZOO_ASSOCIATING_STATE, ZOO_NOTCONNECTED_STATE: .connecting
        case ZOO_EXPIRED_SESSION_STATE: .expired
        case ZOO_AUTH_FAILED_STATE: .authFailed
        default: nil
        }
    }

    func create(
        _ path: String,
        data: [UInt8]?,
        mode: CreateMode,
        acl: [ZNodeACL],
        token: CallbackToken
    ) -> Int32 {
        unsafe withACLVector(acl) { acl in
            unsafe withBytes(data) { bytes, count in
                if let timeToLive = mode.timeToLive {
                    unsafe zoo_acreate2_ttl(
                        self.handle,
                        path,
                        bytes,
                        count,
                        acl,
                        mode.kind.rawValue,
                        timeToLive,
                        zkStringStatCompleted,
                        token.pointer
                    )
                } else {
                    unsafe zoo_acreate2(
                        self.handle,
                        path,
                        bytes,
                        count,
                        acl,
                        mode.kind.rawValue,
                        zkStringStatCompleted,
                        token.pointer
                    )
                }
            }
        }
    }

    func exists(_ path: String, watch: CallbackToken?, token: CallbackToken) -> Int32 {
        unsafe zoo_awexists(
            self.handle,
            path,
            watch == nil ? nil : zkWatchFired,
            watch?.pointer,
            zkStatCompleted,
            token.pointer
        )
    }

    func get(_ path: String, watch: CallbackToken?, token: CallbackToken) -> Int32 {
        unsafe zoo_awget(
            self.handle,
            path,
            watch == nil ? nil : zkWatchFired,
            watch?.pointer,
            zkDataCompleted,
            token.pointer
        )
    }

    func children(_ path: String, watch: CallbackToken?, token: CallbackToken) -> Int32 {
        unsafe zoo_awget_children2(
            self.handle,
            path,
            watch == nil ? nil : zkWatchFired,
            watch?.pointer,
            zkChildrenCompleted,
            token.pointer
        )
    }

    func set(_ path: String, data: [UInt8]?, version: Int32, token: CallbackToken) -> Int32 {
        unsafe withBytes(data) { bytes, count in
            unsafe zoo_aset(self.handle, path, bytes, count, version, zkStatCompleted, token.pointer)
        }
    }

    func delete(_ path: String, version: Int32, token: CallbackToken) -> Int32 {
        unsafe zoo_adelete(self.handle, path, version, zkVoidCompleted, token.pointer)
    }

    func sync(_ path: String, token: CallbackToken) -> Int32 {
        unsafe zoo_async(self.handle, path, zkStringCompleted, token.pointer)
    }

    func getACL(_ path: String, token: CallbackToken) -> Int32 {
        unsafe zoo_aget_acl(self.handle, path, zkACLCompleted, token.pointer)
    }

    func setACL(_ path: String, acl: [ZNodeACL], version: Int32, token: CallbackToken) -> Int32 {
        unsafe withACLVector(acl) { acl in
            unsafe zoo_aset_acl(self.handle, path, version, acl, zkVoidCompleted, token.pointer)
        }
    }

    func addAuth(scheme: String, credential: [UInt8], token: CallbackToken) -> Int32 {
        unsafe withBytes(credential) { bytes, count in
            unsafe zoo_add_auth(self.handle, scheme, bytes, count, zkVoidCompleted, token.pointer)
        }
    }

    /// Submits a multi. The library writes its results into the buffers, which must stay until it has been answered or the
    /// handle is closed.
    func multi(_ buffers: MultiBuffers, token: CallbackToken) -> Int32 {
        unsafe buffers.withOperations { operations in
            unsafe zkzeo_amulti(
                self.handle,
                Int32(operations.count),
                operations.baseAddress,
                buffers.results.baseAddress,
                zkVoidCompleted,
                token.pointer
            )
        }
    }
}

/// Where a handle is, on its way between threads.
struct ZKHandleAddress: Sendable {
    let bits: UInt
}

/// Calls `body` with what ZooKeeper takes for data: nothing (length -1) and empty (length 0) are two things.
private func withBytes<Result>(_ data: [UInt8]?, _ body: (UnsafePointer<CChar>?, Int32) -> Result) -> Result {
    guard let data else { return body(nil, -1) }
    return unsafe data.withUnsafeBytes { bytes in
        unsafe body(bytes.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(clamping: bytes.count))
    }
}
