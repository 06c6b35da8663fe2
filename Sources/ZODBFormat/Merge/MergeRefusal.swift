//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Why two changes of one object were not merged.
///
/// None of these is an error of the server: whoever made the later change hears of a conflict.
public enum MergeRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// Only the application knows how objects of this class are merged, if they are.
    case unknownClass(PickleGlobal)
    /// The record does not name a class.
    case noClass
    /// The three records are of different classes.
    case differentClasses
    /// A record is damaged, or has instructions that plain data does not need.
    case unreadable(FormatError)
    /// The state has not the shape that objects of its class give it.
    case unexpectedState(String)
    /// The record holds an object, or asks for an order of values, that only the application can say.
    case needsApplication(String)
    /// The record is deeper, or takes more comparisons, than is reasonable.
    case tooLarge
    /// The rules of the BTrees package forbid it.
    case bucket(BucketConflict)

    public var description: String {
        switch self {
        case .unknownClass(let global): "only the application can merge objects of \(global)"
        case .noClass: "the record names no class"
        case .differentClasses: "the records are of different classes"
        case .unreadable(let error): "\(error)"
        case .unexpectedState(let problem): "unexpected state: \(problem)"
        case .needsApplication(let what): "only the application can tell: \(what)"
        case .tooLarge: "too deep, or too many comparisons"
        case .bucket(let conflict): "\(conflict)"
        }
    }
}

/// What the BTrees package does not merge. The numbers are the reasons of its `BTreesConflictError`.
public enum BucketConflict: Int, Hashable, Sendable, CaseIterable, CustomStringConvertible {
    case nextChanged = 0
    case bothChangedValue = 1
    case deletedAndChanged = 2
    case changedAndDeleted = 3
    case bothInsertedOrDeleted = 4
    case bothDeleted = 5
    case bothInserted = 6
    case deletedWhatTheFirstChanged = 7
    case deletedWhatTheSecondChanged = 8
    case bothDeletedTheEnd = 9
    case emptyResult = 10
    case internalNode = 11
    case emptiedBucket = 12
    case deletedFirstKey = 13

    public var description: String {
        switch self {
        case .nextChanged: "the bucket was split or joined"
        case .bothChangedValue: "both changed the value of one key"
        case .deletedAndChanged, .deletedWhatTheFirstChanged: "a key was changed, then deleted"
        case .changedAndDeleted, .deletedWhatTheSecondChanged: "a key was deleted, then changed"
        case .bothInsertedOrDeleted: "both inserted or deleted one key"
        case .bothDeleted, .bothDeletedTheEnd: "both deleted one key"
        case .bothInserted: "both inserted one key"
        case .emptyResult: "nothing would be left in the bucket"
        case .internalNode: "both changed an inner node of the tree"
        case .emptiedBucket: "the bucket was emptied, which unlinks it from its tree"
        case .deletedFirstKey: "the first key of the bucket was deleted, which changes its parent"
        }
    }
}
