#
# Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
# Licensed under the Apache License, Version 2.0; see LICENSE.
# SPDX-License-Identifier: Apache-2.0
"""Pickles random values, or compares pickles with the values that they should be.

pickles.py make COUNT FILE   writes COUNT random values as lines "HEX CANONICAL", in every protocol of both packages
pickles.py check FILE        reads such lines with both and compares
"""

import decimal
import pickle
import random
import struct
import sys

import zodbpickle.fastpickle
import zodbpickle.pickle
import zodbpickle.slowpickle


class Thing:
    class Nested:
        pass


def canonical(value):
    if value is None:
        return "N"
    kind = type(value)
    if kind is bool:
        return "T" if value else "F"
    if kind is int:
        if -(2**63) <= value < 2**63:
            return f"i{value}"
        return "I" + value.to_bytes(max(value, ~value).bit_length() // 8 + 1, "little", signed=True).hex()
    if kind is float:
        return "f" + struct.pack(">d", value).hex()
    if kind is str:
        return "s" + value.encode().hex()
    if kind is bytes:
        return "b" + value.hex()
    if kind is bytearray:
        return "a" + value.hex()
    if kind is tuple:
        return "(" + ",".join(map(canonical, value)) + ")"
    if kind is list:
        return "[" + ",".join(map(canonical, value)) + "]"
    if kind is dict:
        return "{" + ",".join(canonical(k) + ":" + canonical(v) for k, v in value.items()) + "}"
    if kind is set:
        return "<" + ",".join(sorted(map(canonical, value))) + ">"
    if kind is frozenset:
        return "z<" + ",".join(sorted(map(canonical, value))) + ">"
    if kind is type:
        return f"g{value.__module__}.{value.__qualname__}"
    if kind is Thing:
        return "o" + canonical(Thing) + "()" + ("|" + canonical(value.__dict__) if value.__dict__ else "")
    raise TypeError(kind)


class Maker:
    def __init__(self, generator):
        self.generator = generator
        self.made = []

    def integer(self):
        g = self.generator
        near = g.choice([0, 8, 16, 31, 32, 63, 64, 200, g.randrange(2400)])
        return g.choice([1, -1]) * (g.choice([1 << near, g.getrandbits(near + 1)]) + g.choice([-1, 0, 1]))

    def text(self):
        g = self.generator
        letters = "aZ09 \n\r\t\\'\"\0\x1a\x7f\x80\xe9\xff\u0100\u20ac\ud7ff\uffff\U0001f600\U0010ffff"
        return "".join(g.choice(letters) for _ in range(g.choice([0, 1, 5, 20, 300])))

    def leaf(self):
        g = self.generator
        return g.choice([
            lambda: None,
            lambda: g.random() < 0.5,
            self.integer,
            self.integer,
            lambda: g.choice([0.0, -0.0, 1.5, float("inf"), -float("inf"), 5e-324, g.uniform(-1e300, 1e300), g.random()]),
            self.text,
            self.text,
            lambda: g.randbytes(g.choice([0, 1, 8, 255, 256, 1000])),
            lambda: g.choice([decimal.Decimal, Thing, random.Random]),
        ])()

    def hashable(self, depth):
        g = self.generator
        choice = g.random()
        if depth == 0 or choice < 0.7:
            return self.leaf()
        make = tuple if choice < 0.9 else frozenset
        return make(self.hashable(depth - 1) for _ in range(g.choice([0, 1, 2, 3, 4, 9])))

    def value(self, depth):
        g = self.generator
        if depth == 0 or g.random() < 0.3:
            value = self.leaf()
        elif self.made and g.random() < 0.15:
            return g.choice(self.made)
        else:
            size = g.choice([0, 1, 2, 3, 4, 7, 12])
            values = (self.value(depth - 1) for _ in range(size))
            keys = (self.hashable(2) for _ in range(size))
            value = g.choice([
                lambda: tuple(values),
                lambda: list(values),
                lambda: dict(zip(keys, values)),
                lambda: set(keys),
                lambda: frozenset(keys),
                lambda: bytearray(g.randbytes(size)),
                lambda: self.thing(dict(zip((f"a{i}" for i in range(size)), values))),
            ])()
        self.made.append(value)
        return value

    @staticmethod
    def thing(attributes):
        thing = Thing()
        thing.__dict__.update(attributes)
        return thing


def make(count, out):
    show = lambda data, text: print(data.hex(), text, file=out)
    generator = random.Random(20261122)
    picklers = [(pickle, 5), (zodbpickle.pickle, zodbpickle.pickle.HIGHEST_PROTOCOL)]
    # The writers in Python differ in details from those in C.
    slow = [(pickle._dumps, 5), (zodbpickle.slowpickle.dumps, zodbpickle.slowpickle.HIGHEST_PROTOCOL)]
    done = 0
    while done < count:
        value = Maker(generator).value(generator.choice([0, 1, 3, 5]))
        text = canonical(value)
        if len(text) > 4_000:
            continue
        done += 1
        old = 2 if "__main__.Thing()" in text else 0
        for module, highest in picklers:
            for protocol in range(old, highest + 1):
                show(module.dumps(value, protocol), text)
        dumps, highest = slow[done % 2]
        show(dumps(value, generator.randrange(old, highest + 1)), text)
    # More than one batch, a memo beyond one byte, framing.
    for value in [list(range(2500)), {str(i): (i, str(i)) for i in range(2500)}, [["x" * 70_000], b"y" * 70_000]]:
        for protocol in range(6):
            show(pickle.dumps(value, protocol), canonical(value))
    show(pickle.dumps(Thing.Nested, 4), "g__main__.Thing.Nested")
    show(pickle.dumps(Thing.Nested, 2), "g__main__.Thing.Nested")


def check(path):
    checked = 0
    for line in open(path):
        data, text = line.rstrip("\n").split(" ")
        data = bytes.fromhex(data)
        for loads in pickle.loads, zodbpickle.pickle.loads, pickle._loads:
            value = canonical(loads(data))
            if value != text:
                sys.exit(f"{data!r} is {value}, not {text}")
        checked += 1
    print(checked)


{"make": lambda: make(int(sys.argv[2]), open(sys.argv[3], "w")), "check": lambda: check(sys.argv[2])}[sys.argv[1]]()
