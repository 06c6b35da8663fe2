#
# Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
# Licensed under the Apache License, Version 2.0; see LICENSE.
# SPDX-License-Identifier: Apache-2.0
"""Prints records of real ZODB objects with what ZODB itself says about them, one a line:

record HEX CLASS REFERENCES STRONG

REFERENCES are all persistent ids, OID[:w][:DATABASE] in hex, STRONG what ZODB.serialize.referencesf finds.
"""

import io
import random

import BTrees
import transaction
import ZODB
import ZODB.MappingStorage
from persistent.list import PersistentList
from persistent.mapping import PersistentMapping
from persistent.wref import WeakRef
from ZODB._compat import PersistentUnpickler
from ZODB.serialize import referencesf
from ZODB.utils import get_pickle_metadata

generator = random.Random(7)
databases = {}
one = ZODB.DB(ZODB.MappingStorage.MappingStorage(), databases=databases, database_name="one")
two = ZODB.DB(ZODB.MappingStorage.MappingStorage(), databases=databases, database_name="two8char")
connection = one.open()
other = connection.get_connection("two8char")
root = connection.root()
elsewhere = other.root()["far"] = PersistentMapping(a=1)
transaction.commit()

root["mapping"] = PersistentMapping(x=1, y=PersistentList([1, "a", b"b", None, 1.5, (1, 2), {1}]))
root["weak"] = PersistentMapping(one=WeakRef(root["mapping"]), again=WeakRef(root["mapping"]))
root["far"] = PersistentMapping(far=elsewhere, weak=WeakRef(elsewhere))
root["same"] = PersistentList([root["mapping"]] * 5 + [PersistentList([PersistentList()])])
root["cycle"] = PersistentList()
root["cycle"].append(PersistentList([root["cycle"]]))
for family, letters in (BTrees.family32, "IUF"), (BTrees.family64, "LQ"):
    names = {name for name in dir(BTrees) if len(name) == 7 and name.endswith("BTree")}
for name in sorted(names):
    module = getattr(BTrees, name)
    keys = [str(key) for key in range(200)] if name[0] == "O" else list(range(1, 200))
    if name.startswith("fs"):
        keys = [b"%02d" % key for key in range(100)]
    for kind in "BTree", "Bucket", "TreeSet", "Set":
        size = 20 if kind in ("Bucket", "Set") else len(keys)
        if name.startswith("fs"):
            value = lambda key: key * 3
        elif name[1] == "O":
            value = lambda key: PersistentMapping() if generator.random() < 0.2 else str(key)
        else:
            value = lambda key: int(key) + 1
        make = getattr(module, name[:2] + kind, None)
        if make is None:
            continue
        if kind in ("BTree", "Bucket"):
            root[name + kind] = make({key: value(key) for key in keys[:size]})
        else:
            root[name + kind] = make(keys[:size])
transaction.commit()


def oid_of(oid):
    return (oid if isinstance(oid, bytes) else oid.encode("ascii")).hex()


def describe(reference):
    if isinstance(reference, tuple):
        return oid_of(reference[0])
    if isinstance(reference, (bytes, str)):
        return oid_of(reference)
    if len(reference) == 1:
        return oid_of(reference[0]) + ":w"
    kind, arguments = reference
    if kind == "w":
        return ":".join([oid_of(arguments[0]), "w", *arguments[1:]])
    return ":".join([oid_of(arguments[1]), arguments[0]])


def show(data):
    references = []
    unpickler = PersistentUnpickler(None, references.append, io.BytesIO(data))
    unpickler.noload()
    unpickler.noload()
    print("record", data.hex(), ".".join(get_pickle_metadata(data)), ",".join(map(describe, references)) or "-",
          ",".join(map(oid_of, referencesf(data))) or "-")


for database in one, two:
    for entry in database.storage.iterator():
        for record in entry:
            show(record.data)

# What other times and hands have written.
oid = b"\0\0\0\0\0\0\0\x05"
for data in [
    b"(cpersistent.mapping\nPersistentMapping\nq\x01Nt.}q\x02U\x01a(U\x08" + oid + b"q\x03h\x01tQs.",
    b"((U\x01mU\x01cq\x01tN.".replace(b"tN.", b"tNt.") + b"U\x08" + oid + b"Q.",
    b"cm\nC\n.](U\x08" + oid + b"Qe.",
    b"cm\nC\n.](U\x08" + oid + b"aQe.".replace(b"aQ", b"Q"),
    b"cm\nC\n.]U\x08" + oid + b"aQ.",
    b"cm\nC\n.](U\x01n(U\x08two8charU\x08" + oid + b"teQ.",
    b"cm\nC\n.](X\x01\0\0\0w(X\x08\0\0\0" + oid + b"teQ.",
]:
    show(data)
