#
# Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
# Licensed under the Apache License, Version 2.0; see LICENSE.
# SPDX-License-Identifier: Apache-2.0
"""Makes random pairs of changes to one object and has ZODB's own conflict resolution merge them.

merges.py SEED COUNT   writes COUNT lines "KIND NAME OLD COMMITTED NEW MERGED": records in hexadecimal; MERGED is "-" where
                       Python refuses; KIND is "plain", or "other" where the application's objects take part
"""

import datetime
import decimal
import importlib
import io
import logging
import random
import sys

import zodbpickle.pickle
from BTrees.Length import Length
from BTrees.OOBTree import OOBucket
from persistent.mapping import PersistentMapping
from ZODB.ConflictResolution import tryToResolveConflict
from ZODB.POSException import ConflictError

FAMILIES = "IO II IF IU UO UU UF UI LO LL LF LQ QO QQ QF QL OO OI OU OL OQ fs".split()
KINDS = "Bucket Set BTree TreeSet".split()
RANGES = {"I": (-(2**31), 2**31 - 1), "U": (0, 2**32 - 1), "L": (-(2**63), 2**63 - 1), "Q": (0, 2**64 - 1)}


class Reference:
    """Stands for a persistent object; like ZODB's pickler it makes the persistent id anew each time."""

    def __init__(self, form, oid, database):
        self.form, self.oid, self.database = form, oid, database

    def pid(self):
        klass = (OOBucket, PersistentMapping, ("lost.module", "Lost"))[self.oid[-1] % 3]
        return {
            "class": lambda: (self.oid, klass),
            "oid": lambda: self.oid,
            "m": lambda: ["m", (self.database, self.oid, klass)],
            "n": lambda: ["n", (self.database, self.oid)],
            "w": lambda: ["w", (self.oid,)],
            "W": lambda: ["w", (self.oid, self.database)],
            "old": lambda: [self.oid],
        }[self.form]()


class Case:
    def __init__(self, number, rng):
        self.rng = rng
        self.protocol = rng.choice([3] * 8 + [2, 1])
        family = rng.choice(FAMILIES + ["OO"] * 10 + ["Length"])
        self.kind = "plain"
        self.references = [
            Reference(rng.choice(["class"] * 6 + ["oid", "m", "n", "w", "W", "old"]), bytes(7) + bytes([i]), "other")
            for i in range(4)
        ]
        if family == "Length":
            self.name, self.klass = "Length", Length
            self.floats = rng.uniform(-9, 9) if rng.random() < 0.2 else None
            self.states = [self.length() for _ in range(3)]
        else:
            kind = rng.choice(KINDS)
            self.name = family + kind
            self.klass = getattr(importlib.import_module(f"BTrees.{family}BTree"), self.name)
            self.buckets(family, kind)

    def length(self):
        return self.rng.choice([
            self.rng.randint(-5, 300), self.rng.randint(-(2**15), 2**16), self.rng.randint(-(2**32), 2**32),
            self.rng.randint(-(2**63), 2**63), self.rng.randint(-(2**200), 2**200), -(2**31), 2**31 - 1, 2**63,
            True, 0,
        ]) if self.floats is None else self.rng.choice([0.5, 7, 2**53 + 1, -(2**62), self.floats])

    # Keys and values

    def integer(self, letter):
        low, high = RANGES[letter]
        return self.rng.choice([
            self.rng.randint(max(low, -3), 12), self.rng.randint(max(low, -300), 70000), self.rng.randint(low, high),
            low, high, *([True] if self.rng.random() < 0.02 else []),
        ])

    def word(self):
        return self.rng.choice(["", "a", "b", "é", "ÿ", "Ā", "ab", "name", "naïve", "日本", "x" * 300, "Z", "zz"]) + (
            self.rng.choice("abcdefgh") if self.rng.random() < 0.4 else "")

    def raw(self):
        return bytes(self.rng.choices(range(256), k=self.rng.choice([0, 1, 1, 2, 8, 8, 300])))

    def number(self):
        return self.rng.choice([
            self.integer("L"), self.rng.uniform(-9, 9), float(self.rng.randint(-9, 9)), self.rng.random() < 0.5,
            self.rng.randint(-(2**70), 2**70) if self.rng.random() < 0.1 else 7, float(2**53), 2**53 + 1,
        ])

    def scalar(self):
        return self.rng.choice([self.word, self.raw, self.number, lambda: None])()

    def key(self, style):
        if style == "none" or self.rng.random() < 0.04:
            return None
        if style == "mixed":
            return self.rng.choice([self.word, self.raw, self.number])()
        if style == "tuple":
            return (self.rng.choice("xyz"), self.rng.randint(0, 9), *([self.rng.choice(self.pool)] * self.rng.randint(0, 2)))
        if style == "reference":
            return self.rng.choice(self.references)
        return {"word": self.word, "raw": self.raw, "number": self.number, "int": lambda: self.integer("I")}[style]()

    def value(self, style, depth=0):
        if style == "application":
            self.kind = "other"
            return self.rng.choice([
                lambda: datetime.datetime(2020, 1, self.rng.randint(1, 3)), lambda: decimal.Decimal(1),
                lambda: {"a": 1}, lambda: {1, 2}, lambda: datetime.datetime, lambda: bytearray(b"x"), lambda: 1,
            ])()
        choice = self.rng.random()
        if depth < 3 and choice < 0.1:
            return tuple(self.value(style, depth + 1) for _ in range(self.rng.randint(0, 5)))
        if depth < 3 and choice < 0.2:
            return [self.value(style, depth + 1) for _ in range(self.rng.choice([0, 1, 2, 3, 1001 if depth == 2 else 4]))]
        if choice < 0.4:
            return self.rng.choice(self.pool)
        if choice < 0.6:
            return self.rng.choice(self.references)
        return self.scalar()

    def buckets(self, family, kind):
        rng = self.rng
        self.pool = [self.word() for _ in range(3)] + [self.raw(), ("t", self.word()), (), None]
        key_style = rng.choice(["word", "raw", "number", "int", "tuple", "tuple", "mixed", "reference", "word", "int"])
        value_style = rng.choice(["data"] * 9 + ["application"])
        keys = {
            "O": lambda: self.key(key_style), "f": lambda: bytes(rng.choices(range(256), k=2)),
        }.get(family[0], lambda: self.integer(family[0]))
        values = {
            "O": lambda: self.value(value_style), "s": lambda: bytes(rng.choices(range(3), k=6)),
            "F": lambda: rng.choice([rng.uniform(-9, 9), rng.randint(-9, 9), 0.1, 1e39, float("inf")]),
        }.get(family[1], lambda: self.integer(family[1]))
        space = [keys() for _ in range(rng.choice([6, 30, 400]))]
        old = {keys_[0]: values() for keys_ in zip(rng.sample(space, rng.randint(0, len(space) * 3 // 4)))}
        old = {key: old[key] for key in old}
        following = rng.choice([None, None, self.references[0]])
        wrapped = "B" in kind and kind == "BTree" or kind == "TreeSet"
        self.states = [self.state(old, following, kind, wrapped)]
        for _ in range(2):
            changed = dict(old)
            for _ in range(rng.choice([0, 1, 1, 2, 3, 8])):
                deed = rng.random()
                present = list(changed)
                if deed < 0.5 or not present:
                    changed[rng.choice(space) if rng.random() < 0.5 else keys()] = values()
                elif deed < 0.75:
                    changed[rng.choice(present)] = values()
                else:
                    del changed[rng.choice(present[1:] or present) if rng.random() < 0.9 else present[0]]
            if rng.random() < 0.02:
                changed = {}
            other = rng.choice(self.references) if rng.random() < 0.03 else following
            self.states.append(self.state(changed, other, kind, wrapped))

    def state(self, items, following, kind, wrapped):
        keys = list(items)
        try:
            keys.sort(key=lambda key: (key is not None, key if key is not None else 0))
        except TypeError:
            pass
        if "Set" in kind:
            flat = tuple(keys)
        else:
            flat = tuple(part for key in keys for part in (key, items[key]))
        state = (flat,) if following is None else (flat, following)
        if not wrapped:
            return state
        if not items and self.rng.random() < 0.9:
            return None
        if self.rng.random() < 0.03:
            return ((self.references[0], 5, self.references[1]), self.references[0])
        return ((state,),)

    # Records

    def record(self, state):
        meta = self.rng.choice([self.klass] * 6 + [
            (self.klass, None), (self.klass, ()), ((self.klass.__module__, self.klass.__name__), None),
        ])
        file = io.BytesIO()
        pickler = zodbpickle.pickle.Pickler(file, self.protocol)
        pickler.persistent_id = lambda obj: obj.pid() if type(obj) is Reference else None
        pickler.dump(meta)
        pickler.dump(state)
        return file.getvalue()


class Storage:
    def __init__(self, records):
        self.records = records

    def loadSerial(self, oid, serial):
        return self.records[serial]

    def _crs_untransform_record_data(self, data):
        return data

    _crs_transform_record_data = _crs_untransform_record_data


def main():
    logging.disable(logging.CRITICAL)
    seed, count = int(sys.argv[1]), int(sys.argv[2])
    made = 0
    attempt = 0
    while made < count:
        attempt += 1
        rng = random.Random(f"{seed}.{attempt}")
        try:
            case = Case(attempt, rng)
            old, committed, new = map(case.record, case.states)
        except (TypeError, OverflowError, zodbpickle.pickle.PicklingError):
            continue
        try:
            merged = tryToResolveConflict(Storage({b"o": old, b"c": committed}), bytes(8), b"c", b"o", new).hex()
        except ConflictError:
            merged = "-"
        made += 1
        print(case.kind, case.name, old.hex(), committed.hex(), new.hex(), merged)


if __name__ == "__main__":
    main()
