"""A database whose every object can be computed: made, changed and checked by the interop tests.

The root holds groups, a group holds GROUP persistent mappings, and a BTree lists them all. What object number i holds
in generation g follows from the seed alone, so that any process can tell whether it reads what another one wrote.
"""
import random

import BTrees.OOBTree
import persistent.mapping
import transaction

GROUP = 100


def content(seed, number, generation):
    """The items of object `number` after its `generation`-th change."""
    rng = random.Random(f"{seed}/{number}/{generation}")
    return {
        "number": number,
        "generation": generation,
        "none": None,
        "flag": rng.random() < 0.5,
        "small": rng.randrange(-(2**31), 2**31),
        "large": rng.randrange(-(2**200), 2**200),
        "float": rng.uniform(-1e9, 1e9),
        "text": "".join(rng.choice("aé漢😀 '\"\n") for _ in range(rng.randrange(40))),
        "bytes": rng.randbytes(rng.randrange(600)),
        "tuple": (1, "zwei", None, (2.5,)),
        "list": [rng.randrange(1000) for _ in range(rng.randrange(10))],
        "dict": {"a": 1, 2: "b", None: [True]},
    }


def generation_of(number, generation):
    """How often object `number` has changed when the database is in `generation`: every third one changes."""
    return sum(1 for g in range(1, generation + 1) if number % 3 == g % 3)


def make(connection, count, seed):
    """Fills an empty database."""
    root = connection.root()
    root["index"] = index = BTrees.OOBTree.OOBTree()
    for number in range(count):
        name = f"group-{number // GROUP:04}"
        if name not in root:
            root[name] = persistent.mapping.PersistentMapping()
            transaction.get().note(f"population of {name}")
            transaction.commit()
        root[name][str(number)] = index[number] = persistent.mapping.PersistentMapping(content(seed, number, 0))
    transaction.get().note("the last objects")
    transaction.commit()


def change(connection, count, seed, generation):
    """Brings the database from the generation before into `generation`, some objects a transaction."""
    index = connection.root()["index"]
    for number in range(count):
        now = generation_of(number, generation)
        if now != generation_of(number, generation - 1):
            index[number].update(content(seed, number, now))
        if number % 500 == 499:
            transaction.commit()
    connection.root()["generation"] = generation
    transaction.commit()


def check(connection, count, seed, generation):
    """Compares every object with what it should be."""
    root = connection.root()
    index = root["index"]
    assert len(index) == count, f"{len(index)} objects instead of {count}"
    for number in range(count):
        expected = content(seed, number, generation_of(number, generation))
        found = dict(root[f"group-{number // GROUP:04}"][str(number)])
        assert found == expected, f"object {number}: {found!r} instead of {expected!r}"
        assert index[number] is root[f"group-{number // GROUP:04}"][str(number)], f"object {number} twice"
        index[number]._p_deactivate()
    return count
