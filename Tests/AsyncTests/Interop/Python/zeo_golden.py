# Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
# Licensed under the Apache License, Version 2.0; see LICENSE.
# SPDX-License-Identifier: Apache-2.0
"""Prints messages as Python's own ZEO writes them: name, format and the bytes in hexadecimal, one a line."""

from ZEO.asyncio.marshal import encoder, reduce_exception
from ZODB.POSException import ConflictError, POSKeyError, ReadConflictError, ReadOnlyError, StorageTransactionError

OID = bytes(7) + b"\1"
OTHER = bytes(7) + b"\2"
TID = bytes.fromhex("0400000000000001")
TOKEN = 140234567890123
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
    "other": (7, False, "undoLog", (0, -20)),
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
    "invalidate": (0, True, "invalidateTransaction", (TID, [OID, OTHER])),
    "info": (0, True, "info", ({"length": 3, "size": 1 << 40},)),
    "noKey": error(POSKeyError(OID)),
    "readOnly": error(ReadOnlyError()),
    "conflict": error(ConflictError(oid=OID, serials=(TID, OTHER))),
    "readConflict": error(ReadConflictError(oid=OID, serials=(TID, OTHER))),
    "noTransaction": error(StorageTransactionError(None, TOKEN)),
}
for side, messages in (("client", client), ("server", server)):
    for name, message in messages.items():
        for protocol in (b"Z5", b"M5"):
            print(side, name, protocol.decode(), encoder(protocol, side == "server")(*message).hex())
