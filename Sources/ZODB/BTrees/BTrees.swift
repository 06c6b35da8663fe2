//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

// Table: the families.

import ZODBFormat

/// The families of BTrees that Python has.
public enum BTrees {
    /// Keys are any object, values are any object.
    public enum OO: BTreeFamily {
        /// What keys are.
        public typealias Key = PersistentValue
        /// What values are.
        public typealias Value = PersistentValue
    }
    /// Keys are any object, values are integers of 32 bits.
    public enum OI: BTreeFamily {
        /// What keys are.
        public typealias Key = PersistentValue
        /// What values are.
        public typealias Value = Int32
    }
    /// Keys are any object, values are integers of 64 bits.
    public enum OL: BTreeFamily {
        /// What keys are.
        public typealias Key = PersistentValue
        /// What values are.
        public typealias Value = Int
    }
    /// Keys are any object, values are 32 bits without a sign.
    public enum OU: BTreeFamily {
        /// What keys are.
        public typealias Key = PersistentValue
        /// What values are.
        public typealias Value = UInt32
    }
    /// Keys are any object, values are 64 bits without a sign.
    public enum OQ: BTreeFamily {
        /// What keys are.
        public typealias Key = PersistentValue
        /// What values are.
        public typealias Value = UInt
    }
    /// Keys are integers of 32 bits, values are any object.
    public enum IO: BTreeFamily {
        /// What keys are.
        public typealias Key = Int32
        /// What values are.
        public typealias Value = PersistentValue
    }
    /// Keys are integers of 32 bits, values are integers of 32 bits.
    public enum II: BTreeFamily {
        /// What keys are.
        public typealias Key = Int32
        /// What values are.
        public typealias Value = Int32
    }
    /// Keys are integers of 32 bits, values are floats of 32 bits.
    public enum IF: BTreeFamily {
        /// What keys are.
        public typealias Key = Int32
        /// What values are.
        public typealias Value = Float
    }
    /// Keys are integers of 32 bits, values are 32 bits without a sign.
    public enum IU: BTreeFamily {
        /// What keys are.
        public typealias Key = Int32
        /// What values are.
        public typealias Value = UInt32
    }
    /// Keys are integers of 64 bits, values are any object.
    public enum LO: BTreeFamily {
        /// What keys are.
        public typealias Key = Int
        /// What values are.
        public typealias Value = PersistentValue
    }
    /// Keys are integers of 64 bits, values are integers of 64 bits.
    public enum LL: BTreeFamily {
        /// What keys are.
        public typealias Key = Int
        /// What values are.
        public typealias Value = Int
    }
    /// Keys are integers of 64 bits, values are floats of 32 bits.
    public enum LF: BTreeFamily {
        /// What keys are.
        public typealias Key = Int
        /// What values are.
        public typealias Value = Float
    }
    /// Keys are integers of 64 bits, values are 64 bits without a sign.
    public enum LQ: BTreeFamily {
        /// What keys are.
        public typealias Key = Int
        /// What values are.
        public typealias Value = UInt
    }
    /// Keys are 32 bits without a sign, values are any object.
    public enum UO: BTreeFamily {
        /// What keys are.
        public typealias Key = UInt32
        /// What values are.
        public typealias Value = PersistentValue
    }
    /// Keys are 32 bits without a sign, values are integers of 32 bits.
    public enum UI: BTreeFamily {
        /// What keys are.
        public typealias Key = UInt32
        /// What values are.
        public typealias Value = Int32
    }
    /// Keys are 32 bits without a sign, values are floats of 32 bits.
    public enum UF: BTreeFamily {
        /// What keys are.
        public typealias Key = UInt32
        /// What values are.
        public typealias Value = Float
    }
    /// Keys are 32 bits without a sign, values are 32 bits without a sign.
    public enum UU: BTreeFamily {
        /// What keys are.
        public typealias Key = UInt32
        /// What values are.
        public typealias Value = UInt32
    }
    /// Keys are 64 bits without a sign, values are any object.
    public enum QO: BTreeFamily {
        /// What keys are.
        public typealias Key = UInt
        /// What values are.
        public typealias Value = PersistentValue
    }
    /// Keys are 64 bits without a sign, values are integers of 64 bits.
    public enum QL: BTreeFamily {
        /// What keys are.
        public typealias Key = UInt
        /// What values are.
        public typealias Value = Int
    }
    /// Keys are 64 bits without a sign, values are floats of 32 bits.
    public enum QF: BTreeFamily {
        /// What keys are.
        public typealias Key = UInt
        /// What values are.
        public typealias Value = Float
    }
    /// Keys are 64 bits without a sign, values are 64 bits without a sign.
    public enum QQ: BTreeFamily {
        /// What keys are.
        public typealias Key = UInt
        /// What values are.
        public typealias Value = UInt
    }
    /// Keys are two bytes, values are six bytes.
    public enum fs: BTreeFamily {
        /// What keys are.
        public typealias Key = TwoBytes
        /// What values are.
        public typealias Value = SixBytes
    }

    /// What makes objects of every family from records.
    static var makers: [PickleGlobal: PersistentTypes.Maker] {
        var makers: [PickleGlobal: PersistentTypes.Maker] = [:]
        for family in self.families { makers.merge(family.makers) { one, _ in one } }
        return makers
    }

    /// Every family.
    static let families: [any BTreeFamily.Type] = [
        OO.self, OI.self, OL.self, OU.self, OQ.self, IO.self, II.self, IF.self, IU.self, LO.self, LL.self,
        LF.self, LQ.self, UO.self, UI.self, UF.self, UU.self, QO.self, QL.self, QF.self, QQ.self, fs.self,
    ]
}
