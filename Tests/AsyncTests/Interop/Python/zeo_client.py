# Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
# Licensed under the Apache License, Version 2.0; see LICENSE.
# SPDX-License-Identifier: Apache-2.0
"""Plays one scenario with Python's ZEO client against the server at a port of the loopback interface."""

import sys

import transaction
import ZODB
from ZEO.ClientStorage import ClientStorage

PORT = int(sys.argv[1])


def storage(name="1", **options):
    options.setdefault("wait_timeout", 20)
    return ClientStorage(("127.0.0.1", PORT), storage=name, **options)


def basics():
    """What one connection commits another one sees, in new and in living databases."""
    first, second = ZODB.DB(storage()), ZODB.DB(storage())
    watcher = second.open(transaction.TransactionManager())
    connection = first.open()
    root = connection.root()
    assert dict(root) == {}
    for number in range(20):
        root["number"] = number
        root["big"] = "x" * 100000
        root[f"key{number}"] = {"nested": [number, None, 1.5, b"bytes"]}
        transaction.get().setUser("somebody")
        transaction.get().note(f"number {number}")
        transaction.get().setExtendedInfo("tag", number)
        transaction.commit()
        # The server's ping makes sure that what was committed elsewhere is known here.
        second.storage.ping()
        watcher.transaction_manager.begin()
        assert watcher.root()["number"] == number, (watcher.root()["number"], number)
    root["number"] = "never"
    transaction.abort()
    assert root["number"] == 19
    assert len(second.storage) == len(first.storage) == 1, len(second.storage)
    first.close()
    third = ZODB.DB(storage())
    assert third.open().root()["key7"]["nested"] == [7, None, 1.5, b"bytes"]
    third.close()
    second.close()


globals()[sys.argv[2]]()
print("done")
