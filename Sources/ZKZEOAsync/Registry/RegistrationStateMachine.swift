//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// What becomes of one node of a registration: create it, verify whose it is, take a dead predecessor's over, or wait.
///
/// Driven by `RegistrationLease`, one machine for each node. At most one operation is under way at a time; its end comes
/// back as an event with the session in which it ran, so that an answer of an earlier session changes nothing. It never
/// gives up by itself: only a missing path, where the lease was told to fail then, and a stop end it.
struct RegistrationStateMachine: Sendable {
    /// Where a registration is. Each case says what can follow besides an end of the session (waiting) and a stop.
    enum State: Hashable, Sendable {
        /// There is no session (yet, or any more). Next: creating.
        case waiting
        /// The node is being created. Next: registered, examining, pausing.
        case creating(Int64)
        /// The node is being read. Next: creating, takingOver, blocked, registered, pausing.
        case examining(Int64)
        /// A stale node is being replaced. Next: registered, examining, pausing.
        case takingOver(Int64)
        /// The node is somebody else's. Next: examining.
        case blocked(Int64, attempt: Int)
        /// Something went wrong; try again soon. Next: creating, examining.
        case pausing(Int64, attempt: Int, Resume)
        /// The node is there, and it is ours. Next: examining.
        case registered(Int64)
        /// The node is being deleted. Next: ended.
        case removing
        /// No more.
        case ended
    }

    /// What comes after a pause.
    enum Resume: Hashable, Sendable { case create, examine }

    /// What an examination found.
    enum Finding: Hashable, Sendable {
        case absent
        /// - owner: the session of an ephemeral node, or 0.
        /// - evidence: why it may be taken for left behind.
        case present(owner: Int64, version: Int32, pid: Int32?, evidence: StaleEvidence?)
    }

    /// What there is to do.
    enum Action: Hashable, Sendable {
        case none
        /// Resolve the path and create the node.
        case create
        /// Read the node, with a watch.
        case examine
        /// Delete the node, if it still has that version, and create our own, in one step.
        case takeOver(version: Int32)
        /// The node is ours. Look again when the watch fires, or now and then.
        case hold
        /// The node is another's. Look again when the watch fires, or after a while.
        case wait(attempt: Int)
        /// The same; and say so, once.
        case warnAndWait(owner: Int64, pid: Int32?, attempt: Int)
        /// Look again after a while. `error` is what went wrong.
        case pause(attempt: Int, ZooKeeperError)
        /// The same; and say so, once, because it may be for people to mend.
        case warnAndPause(attempt: Int, ZooKeeperError)
        /// Delete the node, if it is that session's.
        case remove(owner: Int64)
        /// End without an error.
        case finish
        /// End with one.
        case fail(ZooKeeperError)
    }

    private(set) var state = State.waiting
    private let failsOnMissingPath: Bool
    /// Attempts that failed since the node was last ours.
    private var failures = 0
    private var warnedOwner: Int64?
    /// The errors that have been said since the node was last ours.
    private var warned: Set<ZooKeeperError.Code> = []
    /// The sessions in which this node has been ours. A node of an earlier one is our own leftover; and once we have had the
    /// node, somebody who has it later is no predecessor of ours.
    private var heldIn: Set<Int64> = []
    /// A create or a take-over may have reached the server: there may be a node to remove.
    private var mayExist = false

    init(failsOnMissingPath: Bool) { self.failsOnMissingPath = failsOnMissingPath }

    /// The session in which the operation under way runs, or the node lives.
    var session: Int64? {
        switch self.state {
        case .creating(let id), .examining(let id), .takingOver(let id), .registered(let id): id
        case .blocked(let id, _), .pausing(let id, _, _): id
        case .waiting, .removing, .ended: nil
        }
    }

    /// There is a connection. A session that we have not seen before is a fresh start, whatever became of the old one.
    mutating func connected(_ id: Int64) -> Action {
        switch self.state {
        case .waiting:
            return self.create(in: id)
        case .creating, .examining, .takingOver, .blocked, .pausing, .registered:
            guard self.session != id else { return .none }
            return self.create(in: id)
        case .removing, .ended:
            return .none
        }
    }

    /// The connection broke. The node lives as long as the session, so nothing changes.
    mutating func suspended() -> Action { .none }

    /// The session is over, and the node with it.
    mutating func expired() -> Action {
        switch self.state {
        case .waiting, .creating, .examining, .takingOver, .blocked, .pausing, .registered:
            self.state = .waiting
            self.mayExist = false
            return .none
        case .removing, .ended:
            return .none
        }
    }

    private mutating func create(in id: Int64) -> Action {
        self.state = .creating(id)
        self.mayExist = true
        return .create
    }

    /// The session has ended for good.
    mutating func sessionClosed() -> Action {
        switch self.state {
        case .waiting, .creating, .examining, .takingOver, .blocked, .pausing, .registered:
            self.state = .ended
            return .fail(ZooKeeperError(.sessionClosed))
        case .removing:
            self.state = .ended
            return .finish
        case .ended:
            return .none
        }
    }

    /// The create under way ended.
    mutating func created(in id: Int64, _ error: ZooKeeperError?) -> Action {
        guard case .creating(id) = self.state else { return .none }
        guard let error else { return self.becomeRegistered(id) }
        switch error.code {
        case .nodeExists:
            self.state = .examining(id)
            return .examine
        case .noNode, .linkLoop:
            // Only at the start: a server that clients use goes on although somebody moves the path about.
            if self.failsOnMissingPath && self.heldIn.isEmpty {
                self.state = .ended
                return .fail(error)
            }
            return self.pause(id, .create, error)
        default:
            // Unknown whether there is a node now, and whose.
            return self.pause(id, error.leavesOutcomeUnknown ? .examine : .create, error)
        }
    }

    /// The examination under way ended.
    mutating func examined(in id: Int64, _ result: Result<Finding, ZooKeeperError>) -> Action {
        guard case .examining(id) = self.state else { return .none }
        switch result {
        case .success(.absent):
            return self.create(in: id)
        case .success(.present(id, _, _, _)):
            return self.becomeRegistered(id)
        case .success(.present(let owner, let version, let pid, let evidence)):
            if self.isStale(owner: owner, evidence) {
                self.state = .takingOver(id)
                self.mayExist = true
                return .takeOver(version: version)
            }
            self.failures += 1
            self.state = .blocked(id, attempt: self.failures)
            if self.warnedOwner == owner { return .wait(attempt: self.failures) }
            self.warnedOwner = owner
            return .warnAndWait(owner: owner, pid: pid, attempt: self.failures)
        case .failure(let error):
            return self.pause(id, .examine, error)
        }
    }

    private func isStale(owner: Int64, _ evidence: StaleEvidence?) -> Bool {
        // A node that is not ephemeral was put there on purpose.
        if owner == 0 { return false }
        if self.heldIn.contains(owner) { return true }
        return switch evidence {
        // Machines whose addresses are the same, each behind its own translation, would otherwise evict each other for ever.
        case .socketIsOurs: self.heldIn.isEmpty
        case .sameInstance, .deadProcess: true
        case nil: false
        }
    }

    /// The take-over under way ended.
    mutating func tookOver(in id: Int64, _ error: ZooKeeperError?) -> Action {
        guard case .takingOver(id) = self.state else { return .none }
        guard let error else { return self.becomeRegistered(id) }
        switch error.code {
        case .noNode, .badVersion, .nodeExists:
            // Somebody else has changed it since.
            self.state = .examining(id)
            return .examine
        default:
            return self.pause(id, .examine, error)
        }
    }

    /// The watch of the last examination fired.
    mutating func watchFired() -> Action {
        switch self.state {
        case .registered(let id), .blocked(let id, _):
            self.state = .examining(id)
            return .examine
        case .waiting, .creating, .examining, .takingOver, .pausing, .removing, .ended:
            // Whatever is under way finds out.
            return .none
        }
    }

    /// The time of the last pause, wait or hold is over.
    mutating func timerFired() -> Action {
        switch self.state {
        case .registered(let id), .blocked(let id, _), .pausing(let id, _, .examine):
            self.state = .examining(id)
            return .examine
        case .pausing(let id, _, .create):
            return self.create(in: id)
        case .waiting, .creating, .examining, .takingOver, .removing, .ended:
            return .none
        }
    }

    /// The lease ends.
    mutating func stop() -> Action {
        switch self.state {
        case .removing, .ended:
            return .none
        case .waiting, .creating, .examining, .takingOver, .blocked, .pausing, .registered:
            guard self.mayExist, let owner = self.session else {
                self.state = .ended
                return .finish
            }
            self.state = .removing
            return .remove(owner: owner)
        }
    }

    /// The removal ended, well or not: without us the session will take the node along.
    mutating func removed() -> Action {
        guard case .removing = self.state else { return .none }
        self.state = .ended
        return .finish
    }

    private mutating func becomeRegistered(_ id: Int64) -> Action {
        self.state = .registered(id)
        self.heldIn.insert(id)
        self.failures = 0
        self.warnedOwner = nil
        self.warned = []
        return .hold
    }

    private mutating func pause(_ id: Int64, _ resume: Resume, _ error: ZooKeeperError) -> Action {
        self.failures += 1
        self.state = .pausing(id, attempt: self.failures, resume)
        if !error.isTroubleWithConnections && self.warned.insert(error.code).inserted {
            return .warnAndPause(attempt: self.failures, error)
        }
        return .pause(attempt: self.failures, error)
    }
}
