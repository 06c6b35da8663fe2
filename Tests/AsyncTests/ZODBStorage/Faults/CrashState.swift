//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore

@testable import ZODBStorage

/// What is on a disk whose power failed: everything that was synchronised, and of the rest whatever chance leaves.
///
/// Of what was done to a file since it was last synchronised, each sector shows the state of some instant since then, and
/// the length that of another one. Each name shows what some of the changes since its folder was last synchronised have
/// made of it; a rename has happened or has not.
///
/// A file system that writes what is appended to a file before the file's length leaves less to chance: a file ends
/// somewhere in what was written, or in zeros up to the end of the last block that it had.
struct CrashState {
    private static let sectorSize = 512
    private static let blockSize = 4096

    /// What chance does with the changes that were not synchronised.
    private enum Luck: CaseIterable {
        case nothingWritten, everythingWritten, writtenInOrder, writtenInAnyOrder
    }

    /// The folders and files, by their names.
    private(set) var folders: [String] = []
    private(set) var files: [String: [UInt8]] = [:]

    /// What may be left when the power fails before the event with this number.
    init(
        _ events: [DiskJournal.Event],
        before instant: Int,
        appendsInOrder: Bool,
        random: inout SeededGenerator
    ) {
        var contents: [Int: [UInt8]] = [:]
        for (path, node) in Self.names(events[..<instant], &random).sorted(by: { $0.key < $1.key }) {
            let folder = path.contains("/") ? FileSystem.folder(of: path) : ""
            // What was in a folder that is lost is lost, too.
            guard folder.isEmpty || self.folders.contains(folder) else { continue }
            switch node {
            case .folder: self.folders.append(path)
            case .file(let file):
                let bytes = contents[file] ?? Self.contents(of: file, events[..<instant], appendsInOrder, &random)
                contents[file] = bytes
                self.files[path] = bytes
            }
        }
    }

    /// Makes the folders and files in a folder, which is made, too.
    func write(to folder: String) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for path in self.folders {
            try FileManager.default.createDirectory(atPath: folder + "/" + path, withIntermediateDirectories: true)
        }
        for (path, bytes) in self.files { try Data(bytes).write(to: URL(fileURLWithPath: folder + "/" + path)) }
    }

    private static func names(
        _ events: ArraySlice<DiskJournal.Event>,
        _ random: inout SeededGenerator
    ) -> [String: DiskJournal.Node] {
        var lasting: [String: Int] = [:]
        for case .folderSynchronized(let folder, let before) in events {
            lasting[folder] = max(before, lasting[folder] ?? 0)
        }
        let luck = Luck.allCases.randomElement(using: &random)!
        let last = Int.random(in: 0...events.count, using: &random)
        var names: [String: DiskJournal.Node] = [:]
        for (number, event) in events.enumerated() {
            guard case .named(let changes) = event, let path = changes.first?.path else { continue }
            let folder = path.contains("/") ? FileSystem.folder(of: path) : ""
            let isWritten =
                switch luck {
                case .nothingWritten: false
                case .everythingWritten: true
                case .writtenInOrder: number < last
                case .writtenInAnyOrder: random.chance(50)
                }
            guard isWritten || number < lasting[folder] ?? 0 else { continue }
            for (path, node) in changes { names[path] = node }
        }
        return names
    }

    private static func contents(
        of file: Int,
        _ events: ArraySlice<DiskJournal.Event>,
        _ appendsInOrder: Bool,
        _ random: inout SeededGenerator
    ) -> [UInt8] {
        var lasting = 0
        for case .synchronized(file, let before) in events { lasting = max(before, lasting) }
        var states: [[UInt8]] = [[]]
        for (number, event) in events.enumerated() {
            var bytes = states[states.count - 1]
            switch event {
            case .written(file, let data, let position):
                if bytes.count < position + data.readableBytes {
                    bytes += [UInt8](repeating: 0, count: position + data.readableBytes - bytes.count)
                }
                bytes.replaceSubrange(position..<position + data.readableBytes, with: data.readableBytesView)
            case .truncated(file, let length):
                bytes = bytes.prefix(length) + [UInt8](repeating: 0, count: max(0, length - bytes.count))
            default:
                continue
            }
            if number < lasting { states[0] = bytes } else { states.append(bytes) }
        }
        let luck = Luck.allCases.randomElement(using: &random)!
        switch luck {
        case .nothingWritten: return states[0]
        case .everythingWritten: return states[states.count - 1]
        case .writtenInOrder:
            // The last write may be cut short.
            let number = Int.random(in: 0..<states.count, using: &random)
            guard number > 0, states[number].count > states[number - 1].count else { return states[number] }
            return Array(states[number].prefix(Self.length(states, number, &random)))
        case .writtenInAnyOrder where appendsInOrder:
            let (first, last) = (states[0], states[states.count - 1])
            let blockEnd = (first.count + Self.blockSize - 1) / Self.blockSize * Self.blockSize
            return first + [UInt8](repeating: 0, count: max(0, min(last.count, blockEnd) - first.count))
        case .writtenInAnyOrder:
            let length = Self.length(states, Int.random(in: 0..<states.count, using: &random), &random)
            var bytes: [UInt8] = []
            while bytes.count < length {
                let sector = states.randomElement(using: &random)!.dropFirst(bytes.count).prefix(Self.sectorSize)
                bytes += sector + [UInt8](repeating: 0, count: Self.sectorSize - sector.count)
            }
            return Array(bytes.prefix(length))
        }
    }

    /// The length of a file in one of its states, or of a state between that and the one before.
    private static func length(_ states: [[UInt8]], _ number: Int, _ random: inout SeededGenerator) -> Int {
        let length = states[number].count
        guard number > 0, states[number - 1].count < length, random.chance(50) else { return length }
        let sectors = (states[number - 1].count / Self.sectorSize + 1..<length / Self.sectorSize + 1)
        return min(length, (sectors.randomElement(using: &random) ?? .max / Self.sectorSize) * Self.sectorSize)
    }
}
