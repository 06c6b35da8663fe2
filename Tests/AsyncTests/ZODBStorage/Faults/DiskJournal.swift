//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Synchronization

@testable import ZODBStorage

/// A disk that remembers everything that is done to it, so that a test can say what may be left of it when the power
/// fails at any instant.
///
/// Nothing is written out for real: to be synchronised is to have an event that says so.
final class DiskJournal: SimulatedDisk {
    /// A file, whatever its names, or a folder.
    enum Node: Hashable {
        case file(Int)
        case folder
    }

    enum Event {
        case written(file: Int, ByteBuffer, at: Int)
        case truncated(file: Int, to: Int)
        /// What was done to the contents of a file before the event with this number will last.
        case synchronized(file: Int, before: Int)
        /// Names, relative to the journal's folder, have come to mean something else, all at once. The first of them
        /// is in the folder whose synchronisation makes that last.
        case named([(path: String, node: Node?)])
        /// What was done to the names in a folder before the event with this number will last.
        case folderSynchronized(String, before: Int)
        /// A test made a note.
        case note
    }

    private struct State {
        var events: [Event] = []
        var files: [FileIdentity: Int] = [:]
        var names: [String: Node] = [:]
        var fileCount = 0
    }

    let folder: String
    let longestWrite: Int
    private let lies: Bool
    private let state = Mutex(State())

    /// An empty disk behind a folder, which exists. System calls write so many bytes at once at most. One that lies says
    /// that it has synchronised what it has not.
    init(_ folder: String, longestWrite: Int = .max, lies: Bool = false) {
        self.folder = folder
        self.longestWrite = longestWrite
        self.lies = lies
    }

    /// The disk on which everything that is in a folder will last.
    init(adopting folder: String) throws {
        self.folder = folder
        self.longestWrite = .max
        self.lies = false
        var state = State()
        for path in try FileManager.default.subpathsOfDirectory(atPath: folder).sorted() {
            let place = folder + "/" + path
            if FileSystem.isFolder(place) {
                self.named([(path, .folder)], &state)
            } else {
                let file = self.created(place, &state)
                let bytes = try ByteBuffer(bytes: Data(contentsOf: URL(fileURLWithPath: place)))
                state.events.append(.written(file: file, bytes, at: 0))
            }
        }
        let count = state.events.count
        for file in 0..<state.fileCount { state.events.append(.synchronized(file: file, before: count)) }
        for case (let path, .folder) in state.names { state.events.append(.folderSynchronized(path, before: count)) }
        state.events.append(.folderSynchronized("", before: count))
        self.state.withLock { $0 = state }
    }

    var events: [Event] { self.state.withLock { $0.events } }

    /// Makes a note, and returns its number.
    @discardableResult
    func note() -> Int {
        self.state.withLock { state in
            state.events.append(.note)
            return state.events.count - 1
        }
    }

    func make(_ change: DiskChange, _ body: () throws(FileError) -> Void) throws(FileError) {
        switch change {
        case .synchronize where self.lies: break
        case .synchronizeFolder where self.lies: break
        case .synchronize(let identity):
            let (file, begin) = self.state.withLock { (self.file(identity, $0), $0.events.count) }
            self.work()
            self.state.withLock { $0.events.append(.synchronized(file: file, before: begin)) }
        case .synchronizeFolder(let path):
            let begin = self.state.withLock { $0.events.count }
            self.work()
            self.state.withLock { $0.events.append(.folderSynchronized(self.name(path), before: begin)) }
        default:
            try self.state.withLock { state throws(FileError) in
                try body()
                self.happened(change, &state)
            }
        }
    }

    /// A disk takes its time, in which others queue.
    private func work() {
        usleep(useconds_t.random(in: 0..<400))
    }

    private func happened(_ change: DiskChange, _ state: inout State) {
        switch change {
        case .open(let path):
            if state.names[self.name(path)] == nil { self.created(path, &state) }
        case .create(let path):
            self.created(path, &state)
        case .write(let bytes, let position, let identity):
            state.events.append(.written(file: self.file(identity, state), bytes, at: position))
        case .truncate(let identity, let length):
            state.events.append(.truncated(file: self.file(identity, state), to: length))
        case .remove(let path), .removeFolder(let path):
            self.named([(self.name(path), nil)], &state)
        case .rename(let path, let newPath):
            let node = state.names[self.name(path)]
            precondition(node != nil, "\(path) has come from elsewhere")
            self.named([(self.name(newPath), node), (self.name(path), nil)], &state)
        case .link(let path, let newPath):
            let node = state.names[self.name(path)]
            precondition(node != nil, "\(path) has come from elsewhere")
            self.named([(self.name(newPath), node)], &state)
        case .makeFolder(let path):
            self.named([(self.name(path), .folder)], &state)
        case .synchronize, .synchronizeFolder:
            break
        }
    }

    @discardableResult
    private func created(_ path: String, _ state: inout State) -> Int {
        // The number of a file that is gone may be another one's now.
        guard let identity = try? FileIdentity(ofFileAt: path) else { preconditionFailure("\(path) was made") }
        let file = state.fileCount
        state.files[identity] = file
        state.fileCount += 1
        self.named([(self.name(path), .file(file))], &state)
        return file
    }

    private func named(_ names: [(path: String, node: Node?)], _ state: inout State) {
        for (path, node) in names { state.names[path] = node }
        state.events.append(.named(names))
    }

    private func file(_ identity: FileIdentity, _ state: borrowing State) -> Int {
        guard let file = state.files[identity] else { preconditionFailure("the file has come from elsewhere") }
        return file
    }

    private func name(_ path: String) -> String { String(path.dropFirst(self.folder.count + 1)) }
}
