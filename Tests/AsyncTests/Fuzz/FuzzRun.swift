//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Runs a reader on changed inputs for a while, and on the inputs that are kept in the folder Corpus.
///
/// A crash ends the process: the input that it was working on is then in `var/fuzz`, if that is asked for by setting
/// `ZKZEO_FUZZ_SECONDS`.
struct FuzzRun {
    /// For how long each reader is run; `make evidence` sets more.
    static let seconds = ProcessInfo.processInfo.environment["ZKZEO_FUZZ_SECONDS"].flatMap { Double($0) }
    static let seed = TestSeed.value

    /// What one input may take. In these tests nothing is longer than 64 KiB.
    static let patience: Duration = .seconds(5)
    /// What all inputs together may add to the memory of this process at any time, where nothing else runs in it.
    static let memoryLimit = 512 << 20

    let name: String
    let seeds: [[UInt8]]
    var words: [[UInt8]] = []
    var fields: (_ seed: Int) -> [Range<Int>] = { _ in [] }

    /// The inputs of the folder Corpus: those from which the changed ones come, and those that once did harm.
    static func corpus(_ name: String) throws -> [[UInt8]] {
        let folder = TestPaths.root + "/Tests/AsyncTests/Fuzz/Corpus/" + name
        return try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map {
            [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\($0)")))
        }
    }

    /// Runs `body` on the corpus, then on changed inputs. Errors are what it should answer with; they are not passed on.
    func run(_ body: ([UInt8]) throws -> Void) throws {
        print("fuzz \(self.name): ZKZEO_SEED=\(Self.seed)")
        let folder = TestPaths.root + "/var/fuzz"
        if Self.seconds != nil {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        let inputFile = Self.seconds == nil ? nil : URL(fileURLWithPath: "\(folder)/\(self.name).input")
        for input in self.seeds { try self.take(input, inputFile, body) }
        var mutator = Mutator(seed: Self.seed, words: self.words)
        let before = Self.peakMemory
        let end = ContinuousClock.now + .seconds(Self.seconds ?? 0.5)
        var count = 0
        while ContinuousClock.now < end {
            try self.take(mutator.input(from: self.seeds, fields: self.fields), inputFile, body)
            count += 1
        }
        print("fuzz \(self.name): \(count) inputs")
        // Other tests run beside the short form.
        if Self.seconds != nil, let before, let after = Self.peakMemory {
            #expect(after - before <= Self.memoryLimit, "\(self.name) took \((after - before) >> 20) MiB")
        }
        if let inputFile { try? FileManager.default.removeItem(at: inputFile) }
    }

    private func take(_ input: [UInt8], _ inputFile: URL?, _ body: ([UInt8]) throws -> Void) throws {
        if let inputFile { try Data(input).write(to: inputFile) }
        let start = ContinuousClock.now
        try? body(input)
        let duration = ContinuousClock.now - start
        guard duration > Self.patience else { return }
        Issue.record("\(self.name) took \(duration) for \(Data(input).base64EncodedString())")
    }

    /// The most memory that this process ever had, in bytes; `nil` where the system does not say it.
    private static var peakMemory: Int? {
        let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status?.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return line?.split(separator: " ").compactMap { Int($0) }.first.map { $0 << 10 }
    }
}
