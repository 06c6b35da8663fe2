#
# Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
# Licensed under the Apache License, Version 2.0; see LICENSE.
# SPDX-License-Identifier: Apache-2.0
"""Runs programs of operations on persistent objects, in turns with somebody else who has the same database.

shared_programs.py FIFO

Each line of FIFO is `PLACE PROGRAM OUTPUT`: PLACE is the path of a file storage or the port of a ZEO server, PROGRAM a file
with an operation in each line (the methods of `Objects` below), OUTPUT the file that gets what they say. "ended OUTPUT done" is
printed when it is there. Keys and values are written as numbers; what they stand for depends on the family.
"""

import importlib
import sys
import traceback

import BTrees.check
import BTrees.Length
import transaction
import ZODB
from persistent.mapping import PersistentMapping
from ZEO.ClientStorage import ClientStorage
from ZODB.FileStorage import FileStorage

LARGE = 2**54


def key(family, i):
    letter = family[0]
    if letter == "O":
        return {
            "OO": lambda: (i // 10, f"k{i % 10}"),
            "OI": lambda: f"\u043a\u043b\u044e\u0447 {i:04}",
            "OL": lambda: None if i == 0 else i - 350,
            "OU": lambda: i.to_bytes(2, "big"),
            "OQ": lambda: i * 0.5 - 100,
        }[family]()
    return {
        "I": lambda: (i - 350) * 6_000_000,
        "L": lambda: (i - 350) * LARGE,
        "U": lambda: i * 6_000_000,
        "Q": lambda: i * LARGE,
        "f": lambda: (i * 90).to_bytes(2, "big"),
    }[letter]()


def value(family, j):
    return {
        "O": lambda: (f"v{j}", (j, None), [j, [True]], j)[j % 4],
        "I": lambda: (j - 500) * 4_000_000,
        "L": lambda: (j - 500) * LARGE,
        "U": lambda: j * 4_000_000,
        "Q": lambda: j * LARGE,
        "F": lambda: (j - 500) / 4,
        "s": lambda: (j << 30).to_bytes(6, "big"),
    }[family[1]]()


def text(x):
    """How a key or value is written down: the same in every language."""
    if x is None:
        return "n"
    if isinstance(x, bool):
        return f"b{int(x)}"
    if isinstance(x, int):
        return f"i{x}"
    if isinstance(x, float):
        return f"f{int(x * 4)}"
    if isinstance(x, str):
        return "s" + x
    if isinstance(x, bytes):
        return "x" + x.hex()
    return ("(" if isinstance(x, tuple) else "[") + ",".join(map(text, x)) + ")"


class Objects:
    """The objects of a database by name: `OO.BTree`, `II.Set`, …, `mapping`, `length`."""

    def __init__(self, root, say):
        self.root = root
        self.say = say

    def make(self, name):
        if name == "mapping":
            made = PersistentMapping()
        elif name == "length":
            made = BTrees.Length.Length()
        else:
            family, kind = name.split(".")
            made = getattr(importlib.import_module(f"BTrees.{family}BTree"), family + kind)()
        self.root[name] = made

    def family(self, name):
        return "OI" if name == "mapping" else name.split(".")[0]

    def put(self, name, start, count, step, j):
        """Sets so many keys."""
        target, family = self.root[name], self.family(name)
        for n in range(count):
            if name.endswith("Set"):
                target.insert(key(family, start + n * step))
            else:
                target[key(family, start + n * step)] = value(family, (j + n) % 1000)

    def add(self, name, i, j):
        """Sets a key that is not there."""
        target, family = self.root[name], self.family(name)
        if name.endswith("Set"):
            target.insert(key(family, i))
        else:
            target.setdefault(key(family, i), value(family, j))

    def cut(self, name, start, count, step):
        """Removes so many keys, where they are there."""
        target, family = self.root[name], self.family(name)
        for n in range(count):
            k = key(family, start + n * step)
            if k in target:
                if name.endswith("Set"):
                    target.remove(k)
                else:
                    del target[k]

    def clear(self, name):
        self.root[name].clear()

    def change(self, name, difference):
        self.root[name].change(difference)

    def ask(self, name, low, high, excludemin, excludemax):
        """Says which keys are in a range, and which are next to its ends."""
        tree, family = self.root[name], self.family(name)
        low, high = key(family, low), key(family, high)
        keys = tree.keys(low, high, excludemin=bool(excludemin), excludemax=bool(excludemax))
        ends = []
        for find, bound in (tree.minKey, low), (tree.maxKey, high):
            try:
                ends.append(text(find(bound)))
            except ValueError:
                ends.append("-")
        self.say(f"{name} from {ends[0]} to {ends[1]}: {';'.join(map(text, keys))}")

    def dump(self, name):
        """Says everything that is in an object, and checks that a tree is sound."""
        target = self.root[name]
        if name == "length":
            said = text(target())
        elif name.endswith("Set"):
            said = ";".join(map(text, target))
        else:
            items = sorted(target.items()) if name == "mapping" else target.items()
            said = ";".join(f"{text(k)}={text(v)}" for k, v in items)
        if name.endswith(("BTree", "TreeSet")):
            target._check()
            BTrees.check.check(target)
        self.say(f"{name}: {said}")

    def commit(self):
        transaction.commit()

    def abort(self):
        transaction.abort()


def run(place, program, output):
    storage = ClientStorage(("127.0.0.1", int(place)), wait_timeout=30) if place.isdigit() else FileStorage(place)
    database = ZODB.DB(storage)
    connection = database.open()
    with open(output, "w", encoding="utf-8") as file, open(program) as lines:
        objects = Objects(connection.root(), lambda line: print(line, file=file))
        for line in lines:
            operation, *arguments = line.split()
            try:
                getattr(objects, operation)(*(int(a) if a.lstrip("-").isdigit() else a for a in arguments))
            except Exception:
                print(f"failed at {line}", file=file)
                raise
    transaction.abort()
    connection.close()
    database.close()


def main():
    # For writing, too: so nobody has to wait for the other side to be there.
    with open(sys.argv[1], "r+b", buffering=0) as fifo:
        print("ready", flush=True)
        for line in fifo:
            place, program, output = line.decode().split()
            try:
                run(place, program, output)
                print(f"ended {output} done", flush=True)
            except Exception:
                traceback.print_exc()
                print(f"ended {output} failed", flush=True)


if __name__ == "__main__":
    main()
