# Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
# Licensed under the Apache License, Version 2.0; see LICENSE.
# SPDX-License-Identifier: Apache-2.0
"""Plays one scenario with Python's ZEO client against the server at a port of the loopback interface."""

import json
import logging
import os
import socket
import struct
import sys
import tempfile

import persistent.mapping
import transaction
import ZEO
import ZODB
from BTrees.Length import Length
from BTrees.OOBTree import OOBTree
from persistent import Persistent
from ZEO.ClientStorage import ClientStorage
from ZEO.Exceptions import ClientDisconnected
from ZODB.POSException import ConflictError, POSKeyError, ReadConflictError, ReadOnlyError
from ZODB.utils import maxtid, p64, z64

PORT = int(sys.argv[1])
logging.basicConfig(level=logging.WARNING)


class Counter(Persistent):
    """Two changes of it are merged by its own class."""

    value = 0

    def _p_resolveConflict(self, old, committed, new):
        return {"value": committed["value"] + new["value"] - old.get("value", 0)}


def storage(name="1", **options):
    options.setdefault("wait_timeout", 20)
    return ClientStorage(("127.0.0.1", PORT), storage=name, **options)


def raises(kind, function, *arguments):
    try:
        function(*arguments)
    except kind as error:
        return error
    raise AssertionError(f"{function} did not raise {kind}")


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


def loads():
    """Reads of all kinds, of what is there and what is not."""
    database = ZODB.DB(storage())
    connection = database.open()
    root = connection.root()
    tids = []
    for number in range(3):
        root["number"] = number
        transaction.commit()
        tids.append(root._p_serial)
    client = database.storage
    assert client.lastTransaction() == tids[-1]
    assert client.getTid(z64) == tids[-1]
    other = storage()
    data, tid, following = other.loadBefore(z64, tids[1])
    assert (tid, following) == (tids[0], tids[1])
    assert other.loadSerial(z64, tids[0]) == data
    assert other.loadBefore(z64, maxtid)[1:] == (tids[2], None)
    assert other.loadBefore(z64, b"\0" * 7 + b"\1") is None
    assert raises(POSKeyError, other.loadBefore, p64(4711), maxtid).args == (p64(4711),)
    raises(POSKeyError, other.loadSerial, z64, p64(4711))
    raises(POSKeyError, other.getTid, p64(4711))
    assert len(set(other._call("new_oids"))) == 100
    assert other._call("lastTransaction") == tids[-1]
    assert other._call("ping") is None
    names = [str(i) for i in client.__provides__.__iro__] if hasattr(client, "__provides__") else []
    assert not any("IStorageUndoable" in name or "IBlobStorage" in name for name in names), names
    assert not client.supportsUndo()
    assert other._call("undoLog", 0, -20) == other._call("undoInfo", 0, -20, None) == ()
    assert raises(TypeError, other._call, "loadBefore", z64)
    assert raises(TypeError, other._call, "getTid", 7)
    other.close()
    database.close()


def conflicts():
    """Conflicts are merged by the server where it knows the class, by the client where the class can; others are errors."""
    first, second = ZODB.DB(storage()), ZODB.DB(storage())
    one, two = transaction.TransactionManager(), transaction.TransactionManager()
    root = first.open(one).root()
    root["counter"] = Counter()
    root["length"] = Length()
    root["tree"] = OOBTree({number: number for number in range(10)})
    root["plain"] = persistent.mapping.PersistentMapping()
    one.commit()
    second.storage.ping()
    other = second.open(two).root()
    for step in range(10):
        one.begin(), two.begin()
        for connection in (root, other):
            connection["counter"].value += 1
            connection["length"].change(1)
        root["tree"][100 + step] = "one"
        other["tree"][200 + step] = "two"
        one.commit()
        two.commit()
        first.storage.ping(), second.storage.ping()
        one.begin(), two.begin()
        for connection in (root, other):
            assert connection["counter"].value == 2 * step + 2, connection["counter"].value
            assert connection["length"]() == 2 * step + 2
            assert connection["tree"][100 + step] == "one" and connection["tree"][200 + step] == "two"
    one.begin(), two.begin()
    root["plain"]["x"] = 1
    other["plain"]["x"] = 2
    one.commit()
    error = raises(ConflictError, two.commit)
    assert error.oid == root["plain"]._p_oid and error.serials[0] == root["plain"]._p_serial, error
    two.abort()
    # The transaction that failed holds nothing.
    second.storage.ping()
    two.begin()
    other["plain"]["x"] = 3
    two.commit()
    # What is only read must not change either.
    first.storage.ping()
    one.begin(), two.begin()
    other._p_jar.readCurrent(other["plain"])
    other["more"] = 1
    root["plain"]["x"] = 4
    one.commit()
    error = raises(ReadConflictError, two.commit)
    assert error.oid == root["plain"]._p_oid and error.class_name is None, vars(error)
    two.abort()
    status = first.storage.server_status()
    assert status["conflicts"] == 1 and status["conflicts_resolved"] >= 10, status
    first.close(), second.close()


def refused():
    """With client-conflict-resolution false the server merges what it knows, and says no to the rest itself."""
    first, second = ZODB.DB(storage()), ZODB.DB(storage())
    one, two = transaction.TransactionManager(), transaction.TransactionManager()
    root = first.open(one).root()
    root["length"] = Length()
    root["counter"] = Counter()
    one.commit()
    second.storage.ping()
    other = second.open(two).root()
    one.begin(), two.begin()
    root["length"].change(1)
    other["length"].change(1)
    one.commit()
    two.commit()
    first.storage.ping(), second.storage.ping()
    one.begin(), two.begin()
    # The server said that it stored something else than was sent.
    assert root["length"]() == other["length"]() == 2, (root["length"](), other["length"]())
    root["counter"].value += 1
    other["counter"].value += 1
    one.commit()
    error = raises(ConflictError, two.commit)
    assert error.class_name == "__main__.Counter", error.class_name
    assert error.message == "database conflict error"
    two.abort()
    two.begin()
    other["counter"].value += 1
    two.commit()
    status = first.storage.server_status()
    assert (status["conflicts"], status["conflicts_resolved"]) == (1, 1), status
    first.close(), second.close()


def readonly():
    """A server that takes no writes says so at once; whoever only reads is welcome."""
    client = storage(read_only=True)
    assert client.isReadOnly()
    raises(ReadOnlyError, client.new_oid)
    raises(ReadOnlyError, client._call, "tpc_abort", 1)
    client.close()
    fallback = storage(read_only_fallback=True)
    assert fallback.isReadOnly()
    fallback.close()
    logging.disable(logging.CRITICAL)
    raises(ClientDisconnected, lambda: storage(wait_timeout=2))


def storages():
    """Two storages have nothing to do with each other; one that is not there is an error."""
    one, two = ZODB.DB(storage("one")), ZODB.DB(storage("two"))
    with one.transaction() as connection:
        connection.root()["name"] = "one"
    with two.transaction() as connection:
        assert "name" not in connection.root()
        connection.root()["name"] = "two"
    with one.transaction() as connection:
        assert connection.root()["name"] == "one"
    assert one.storage.lastTransaction() != two.storage.lastTransaction()
    one.close(), two.close()
    logging.disable(logging.CRITICAL)
    raises(ClientDisconnected, lambda: storage("three", wait_timeout=2))


def verification():
    """A client that comes back is told what changed, if the server remembers; otherwise it starts over."""
    writer = ZODB.DB(storage())
    connection = writer.open()
    for number in range(5):
        connection.root()[number] = Length()
        transaction.commit()
    with tempfile.TemporaryDirectory() as directory:
        def visit(name):
            database = ZODB.DB(storage(client=name, var=directory))
            result = database.storage._server.client.verify_result
            with database.transaction() as visitor:
                values = [visitor.root()[number]() for number in range(5)]
            database.close()
            return result, values

        assert visit("cache") == ("empty cache", [0] * 5)
        assert visit("cache") == ("Cache up to date", [0] * 5)
        for number in range(3):
            connection.root()[number].change(1)
            transaction.commit()
        assert visit("cache") == ("quick verification", [1, 1, 1, 0, 0])
        for _ in range(20):
            connection.root()[4].change(1)
            transaction.commit()
        logging.disable(logging.CRITICAL)
        kept = len(sys.argv) > 3
        result = visit("cache")
        assert result == ("quick verification" if kept else "cache too old, clearing", [1, 1, 1, 0, 20]), result
    writer.close()


def status():
    """What monitors and administrators see."""
    database = ZODB.DB(storage(client_label="tester"))
    with database.transaction() as connection:
        connection.root()["x"] = 1
    found = database.storage.server_status()
    assert list(found) == [
        "connections", "loads", "stores", "commits", "aborts", "active_txns", "lock_time", "conflicts",
        "conflicts_resolved", "start", "waiting", "timeout-thread-is-alive", "last-transaction"], found
    assert found["connections"] == 1 and found["commits"] == 2 and found["stores"] == 2, found
    assert found["active_txns"] == 0 and found["waiting"] == 0 and found["lock_time"] is None, found
    assert found["timeout-thread-is-alive"] == "stub", found
    assert found["last-transaction"] == database.storage.lastTransaction().hex(), found
    with socket.create_connection(("127.0.0.1", PORT)) as monitor:
        stream = monitor.makefile("rb")
        greeting = stream.read(struct.unpack(">I", stream.read(4))[0])
        assert greeting == b"Z5", greeting
        monitor.sendall(b"\0\0\0\4ruok")
        answer = json.loads(stream.read(struct.unpack(">I", stream.read(4))[0]))
        assert answer["1"] == found, answer
        assert stream.read() == b""
    database.close()


globals()[sys.argv[2]]()
print("done")
