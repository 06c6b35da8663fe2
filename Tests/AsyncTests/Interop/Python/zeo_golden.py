# Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
# Licensed under the Apache License, Version 2.0; see LICENSE.
# SPDX-License-Identifier: Apache-2.0
"""Prints messages as Python's own ZEO writes them: name, format and the bytes in hexadecimal, one a line."""

import base64

from persistent.TimeStamp import TimeStamp
from ZEO.asyncio.marshal import encoder, reduce_exception
from ZODB.POSException import ConflictError, POSKeyError, ReadConflictError, ReadOnlyError, StorageTransactionError, UndoError

OID = bytes(7) + b"\1"
OTHER = bytes(7) + b"\2"
TID = bytes.fromhex("0400000000000001")
TOKEN = 140234567890123
UNDO_ID = base64.encodebytes(TID).rstrip()
TIME = TimeStamp(TID).timeTime()
BIG = bytes(range(256)) * 2


def error(exception):
    return (3, 2, ".reply", reduce_exception(exception))


client = {
    "register": (1, False, "register", ("1", False)),
    "loadBefore": ((OID, TID), False, "loadBefore", (OID, TID)),
    "loadSerial": (300, False, "loadSerial", (OID, TID)),
    "ping": (70000, False, "ping", ()),
    "lastTransaction": (2, False, "lastTransaction", ()),
    "begin": (0, True, "tpc_begin", (TOKEN, b"user", b"what", {"a": 1, "b": [1.5, None, "x"]}, None, " ")),
    "store": (0, True, "storea", (OID, TID, BIG, TOKEN)),
    "check": (0, True, "checkCurrentSerialInTransaction", (OID, TID, TOKEN)),
    "vote": (4, False, "vote", (TOKEN,)),
    "finish": (5, False, "tpc_finish", (TOKEN,)),
    "abort": (6, False, "tpc_abort", (-TOKEN,)),
    "label": (0, True, "set_client_label", ("caf\u00e9",)),
    "keepAlive": (-1, 0, ".reply", None),
    "other": (7, False, "no_such_method", (0, -20)),
    "restore": (0, True, "restorea", (OID, TID, BIG, OTHER, TOKEN)),
    "restoreNothing": (0, True, "restorea", (OID, TID, None, None, TOKEN)),
    "delete": (0, True, "deleteObject", (OID, TID, TOKEN)),
    "undo": (0, True, "undoa", (UNDO_ID, TOKEN)),
    "blobStart": (0, True, "storeBlobStart", ()),
    "blobChunk": (0, True, "storeBlobChunk", (BIG,)),
    "blobEnd": (0, True, "storeBlobEnd", (OID, TID, b"record", TOKEN)),
    "blobShared": (0, True, "storeBlobShared", (OID, TID, b"record", "x.tmp-", TOKEN)),
    "history": (8, False, "history", (OID, 3)),
    "undoLog": (8, False, "undoLog", (0, -20)),
    "undoInfo": (8, False, "undoInfo", (5, 25, {"user_name": b"user"})),
    "undoInfoOfAll": (8, False, "undoInfo", (0, -20, None)),
    "pack": (8, False, "pack", (1700000000.25, True)),
    "firstRecord": (8, False, "record_iternext", (None,)),
    "nextRecord": (8, False, "record_iternext", (OID,)),
    "sendBlob": (8, False, "sendBlob", (OID, TID)),
    "iterator": (8, False, "iterator_start", (TID, None)),
    "iteratorNext": (8, False, "iterator_next", (7,)),
    "iteratorRecords": (8, False, "iterator_record_start", (7, TID)),
    "iteratorRecord": (8, False, "iterator_record_next", (8,)),
    "iteratorGC": (0, True, "iterator_gc", ([7, 8],)),
}
server = {
    "nothing": (8, 0, ".reply", None),
    "tid": (8, 0, ".reply", TID),
    "current": ((OID, TID), 0, ".reply", (BIG, TID, None)),
    "replaced": ((OID, TID), 0, ".reply", (b"data", OID, TID)),
    "oids": (8, 0, ".reply", [OID, OTHER]),
    "invalidations": (8, 0, ".reply", (TID, [OID])),
    "voted": (8, 0, ".reply", []),
    "conflicts": (8, 0, ".reply", [{"oid": OID, "serials": (TID, OTHER), "data": b"x"}]),
    "information": (8, 0, ".reply", {
        "length": 3, "size": 70000, "name": "store", "supportsUndo": True, "supports_record_iternext": False,
        "interfaces": (("ZODB.interfaces", "IStorage"), ("zope.interface", "Interface"))}),
    "history": (8, 0, ".reply", [
        {"note": "x", "time": TIME, "user_name": b"user", "description": b"what", "tid": TID, "size": 512}]),
    "undoable": (8, 0, ".reply", [
        {"id": UNDO_ID, "time": TIME, "user_name": b"user", "size": 300, "description": b"what", "note": "x"}]),
    "walk": (8, 0, ".reply", 70000),
    "transaction": (8, 0, ".reply", (TID, " ", b"user", b"what", {"note": "x"})),
    "record": (8, 0, ".reply", (OID, TID, BIG, OTHER)),
    "emptyRecord": (8, 0, ".reply", (OID, TID, None, None)),
    "currentRecord": (8, 0, ".reply", (OID, TID, b"data", OTHER)),
    "receiveBlobStart": (0, True, "receiveBlobStart", (OID, TID)),
    "receiveBlobChunk": (0, True, "receiveBlobChunk", (OID, TID, BIG)),
    "receiveBlobStop": (0, True, "receiveBlobStop", (OID, TID)),
    "invalidate": (0, True, "invalidateTransaction", (TID, [OID, OTHER])),
    "info": (0, True, "info", ({"length": 3, "size": 1 << 40},)),
    "noKey": error(POSKeyError(OID)),
    "readOnly": error(ReadOnlyError()),
    "conflict": error(ConflictError(oid=OID, serials=(TID, OTHER))),
    "readConflict": error(ReadConflictError(oid=OID, serials=(TID, OTHER))),
    "noUndo": error(UndoError("Invalid transaction id")),
    "noIterator": error(KeyError(7)),
    "noTransaction": error(StorageTransactionError(None, TOKEN)),
}
for side, messages in (("client", client), ("server", server)):
    for name, message in messages.items():
        for protocol in (b"Z5", b"M5"):
            print(side, name, protocol.decode(), encoder(protocol, side == "server")(*message).hex())
