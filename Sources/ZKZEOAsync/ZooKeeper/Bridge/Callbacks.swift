//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

internal import CZooKeeper

// The functions whose addresses libzookeeper gets, one for each signature that it knows. All they do is copy: what the
// pointers point to dies when the callback returns.

func zkSessionChanged(
    handle: OpaquePointer?,
    type: Int32,
    state: Int32,
    path: UnsafePointer<CChar>?,
    context: UnsafeMutableRawPointer?
) {
    guard let handle = unsafe handle, type == ZOO_SESSION_EVENT else { return }
    // Asked of the handle that the library passes: this may be called before the one who opens it has got it.
    var identity = SessionIdentity(id: 0, password: [])
    if let client = unsafe zoo_client_id(handle) {
        let id = unsafe client.pointee
        identity.id = id.client_id
        identity.password = unsafe withUnsafeBytes(of: id.passwd) { unsafe Array($0) }
    }
    let timeout = unsafe Duration.milliseconds(zoo_recv_timeout(handle))
    CallbackRouter.deliver(
        .session(state: state, identity: identity, timeout: timeout),
        to: unsafe CallbackToken(context).slot
    )
}

func zkWatchFired(
    handle: OpaquePointer?,
    type: Int32,
    state: Int32,
    path: UnsafePointer<CChar>?,
    context: UnsafeMutableRawPointer?
) {
    // A change of the session is told to every watch too, and uses none up. The session hears of it once, above.
    if type == ZOO_SESSION_EVENT { return }
    let event: ZooKeeperWatch.Event =
        switch type {
        case ZOO_CREATED_EVENT: .created
        case ZOO_DELETED_EVENT: .deleted
        case ZOO_CHANGED_EVENT: .dataChanged
        case ZOO_CHILD_EVENT: .childrenChanged
        default: .sessionLost
        }
    let token = unsafe CallbackToken(context)
    CallbackRouter.deliver(.watch(id: token.id, event), to: token.slot)
}

func zkVoidCompleted(code: Int32, data: UnsafeRawPointer?) {
    unsafe CallbackRouter.deliver(code, .nothing, to: data)
}

func zkStatCompleted(code: Int32, stat: UnsafePointer<Stat>?, data: UnsafeRawPointer?) {
    let reply = unsafe stat.map { unsafe HandleEvent.Reply.stat(ZNodeStat($0.pointee)) }
    unsafe CallbackRouter.deliver(code, code == 0 ? reply ?? .nothing : .nothing, to: data)
}

func zkDataCompleted(
    code: Int32,
    value: UnsafePointer<CChar>?,
    length: Int32,
    stat: UnsafePointer<Stat>?,
    data: UnsafeRawPointer?
) {
    var reply = HandleEvent.Reply.nothing
    if code == 0, let stat = unsafe stat {
        // Length -1 is no data at all, which ZooKeeper tells from empty data.
        let bytes: [UInt8]? =
            length < 0
            ? nil
            : unsafe Array(
                UnsafeRawBufferPointer(start: UnsafeRawPointer(value), count: value == nil ? 0 : Int(length))
            )
        reply = unsafe .data(bytes, ZNodeStat(stat.pointee))
    }
    unsafe CallbackRouter.deliver(code, reply, to: data)
}

func zkStringCompleted(code: Int32, value: UnsafePointer<CChar>?, data: UnsafeRawPointer?) {
    let reply = unsafe value.map { unsafe HandleEvent.Reply.path(String(cString: $0), nil) }
    unsafe CallbackRouter.deliver(code, code == 0 ? reply ?? .nothing : .nothing, to: data)
}

func zkStringStatCompleted(
    code: Int32,
    value: UnsafePointer<CChar>?,
    stat: UnsafePointer<Stat>?,
    data: UnsafeRawPointer?
) {
    var reply = HandleEvent.Reply.nothing
    if code == 0, let value = unsafe value {
        reply = unsafe .path(String(cString: value), stat.map { unsafe ZNodeStat($0.pointee) })
    }
    unsafe CallbackRouter.deliver(code, reply, to: data)
}

func zkChildrenCompleted(
    code: Int32,
    strings: UnsafePointer<String_vector>?,
    stat: UnsafePointer<Stat>?,
    data: UnsafeRawPointer?
) {
    var reply = HandleEvent.Reply.nothing
    if code == 0, let strings = unsafe strings, let stat = unsafe stat {
        let vector = unsafe strings.pointee
        let names = unsafe UnsafeBufferPointer(start: vector.data, count: Int(vector.count))
        reply = unsafe .children(
            names.compactMap { name in unsafe name.map { unsafe String(cString: $0) } },
            ZNodeStat(stat.pointee)
        )
    }
    unsafe CallbackRouter.deliver(code, reply, to: data)
}

func zkACLCompleted(
    code: Int32,
    acl: UnsafeMutablePointer<ACL_vector>?,
    stat: UnsafeMutablePointer<Stat>?,
    data: UnsafeRawPointer?
) {
    var reply = HandleEvent.Reply.nothing
    if code == 0, let acl = unsafe acl, let stat = unsafe stat {
        let vector = unsafe acl.pointee
        let entries = unsafe UnsafeBufferPointer(start: vector.data, count: Int(vector.count)).map { entry in
            unsafe ZNodeACL(
                ZNodeACL.Permissions(rawValue: entry.perms),
                scheme: entry.id.scheme.map { unsafe String(cString: $0) } ?? "",
                identity: entry.id.id.map { unsafe String(cString: $0) } ?? ""
            )
        }
        reply = unsafe .acl(entries, ZNodeStat(stat.pointee))
    }
    unsafe CallbackRouter.deliver(code, reply, to: data)
}

func zkLogged(line: UnsafePointer<CChar>?) {
    guard let line = unsafe line else { return }
    CallbackRouter.deliver(unsafe ZKLogLine(String(cString: line)))
}

extension ZNodeStat {
    init(_ stat: Stat) {
        self.init(
            creationTransaction: stat.czxid,
            modificationTransaction: stat.mzxid,
            childrenTransaction: stat.pzxid,
            creationTime: stat.ctime,
            modificationTime: stat.mtime,
            version: stat.version,
            childrenVersion: stat.cversion,
            aclVersion: stat.aversion,
            ephemeralOwner: stat.ephemeralOwner,
            dataLength: stat.dataLength,
            childCount: stat.numChildren
        )
    }
}
