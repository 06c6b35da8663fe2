# Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
# Licensed under the Apache License, Version 2.0; see LICENSE.
# SPDX-License-Identifier: Apache-2.0
"""Plays one scenario about history, undo, packs, iteration or blobs with Python's ZEO client against the server at a port
of the loopback interface."""

import base64
import logging
import sys
import tempfile
import time

import transaction
import ZODB
from BTrees.Length import Length
from persistent.mapping import PersistentMapping
from persistent.TimeStamp import TimeStamp
from ZEO.ClientStorage import ClientStorage
from ZEO.Exceptions import ServerException
from ZODB.blob import Blob
from ZODB.Connection import TransactionMetaData
from ZODB.POSException import MultipleUndoErrors, POSKeyError, ReadOnlyError
from ZODB.utils import maxtid, p64, u64, z64

PORT = int(sys.argv[1])
logging.basicConfig(level=logging.ERROR)


def storage(name="1", **options):
    options.setdefault("wait_timeout", 20)
    return ClientStorage(("127.0.0.1", PORT), storage=name, **options)


def raises(kind, function, *arguments):
    try:
        function(*arguments)
    except kind as error:
        return error
    raise AssertionError(f"{function} did not raise {kind}")


def commit_numbers(database, count):
    """Commits `count` revisions of the root, each with metadata of its own; returns their tids."""
    tids = []
    with database.transaction():
        pass
    connection = database.open()
    for number in range(count):
        connection.root()["number"] = number
        transaction.get().setUser(f"user{number}")
        transaction.get().note(f"number {number}")
        transaction.get().setExtendedInfo("tag", {"number": number, "parts": (1.5, None)})
        transaction.commit()
        tids.append(connection.root()._p_serial)
    connection.close()
    return tids


def history():
    """The revisions of an object, newest first."""
    database = ZODB.DB(storage())
    tids = commit_numbers(database, 5)
    client = storage()
    entries = client.history(z64, 3)
    assert [entry["tid"] for entry in entries] == tids[:1:-1], entries
    entry = entries[0]
    assert entry["user_name"].endswith(b"user4"), entry
    assert entry["description"] == b"number 4"
    assert entry["time"] == TimeStamp(tids[4]).timeTime()
    assert entry["size"] == len(client.loadSerial(z64, tids[4]))
    assert entry["tag"]["number"] == 4 and tuple(entry["tag"]["parts"]) == (1.5, None), entry
    assert len(client.history(z64)) == 1 and len(client.history(z64, 0)) == 0
    # The revision that made the root is the sixth.
    assert len(client.history(z64, 1 << 40)) == 6
    assert raises(POSKeyError, client.history, p64(4711)).args == (p64(4711),)
    raises(TypeError, client.history, z64, None)
    client.close()
    database.close()


def undo():
    """The undo log, undo, undo of an undo, and what cannot be undone."""
    database = ZODB.DB(storage())
    tids = commit_numbers(database, 4)
    log = database.undoLog(0, -20)
    assert len(log) == 5, log
    entry = log[0]
    client = database.storage
    raw = client.undoLog(0, 2)
    assert [base64.decodebytes(e["id"]) for e in raw] == tids[:1:-1]
    assert raw[0]["time"] == TimeStamp(tids[3]).timeTime() and raw[0]["size"] > 100
    assert raw[0]["description"] == b"number 3" and raw[0]["tag"]["number"] == 3
    assert list(raw[0])[:5] == ["id", "time", "user_name", "size", "description"], raw[0]
    assert [base64.decodebytes(e["id"]) for e in client.undoLog(1, -2)] == tids[2:0:-1]
    for first, last in (100, -20), (5, 5), (5, 1):
        assert len(client.undoLog(first, last)) == 0
    assert len(client.undoLog(-1 << 62, 1 << 62)) == len(client.undoInfo(0, -1 << 62)) == 5
    found = client.undoInfo(0, -20, {"description": b"number 2"})
    assert [base64.decodebytes(e["id"]) for e in found] == [tids[2]], found
    assert client.undoInfo(0, -20, {"description": b"number"}) in ([], ())

    connection = database.open()
    watcher = ZODB.DB(storage())
    other = watcher.open(transaction.TransactionManager())
    assert other.root()["number"] == 3
    database.undo(entry["id"])
    transaction.commit()
    assert connection.root()["number"] == 2
    watcher.storage.ping()
    other.transaction_manager.begin()
    assert other.root()["number"] == 2, other.root()
    database.undo(database.undoLog(0, 1)[0]["id"])
    transaction.commit()
    assert connection.root()["number"] == 3
    # Something newer stands in the way.
    database.undo(base64.encodebytes(tids[1]).rstrip())
    error = raises(MultipleUndoErrors, transaction.commit)
    assert error._errs[0][0] == z64 and len(error._errs) == 1, error._errs
    str(error)
    transaction.abort()
    database.undo(base64.encodebytes(p64(4711)).rstrip())
    error = raises(ServerException, transaction.commit)
    assert "UndoError" in str(error), error
    transaction.abort()
    assert connection.root()["number"] == 3
    with database.transaction() as last:
        last.root()["number"] = 4
    watcher.close()
    database.close()


def iteration():
    """Walks through transactions and records; wrong numbers; the order of things; and ends."""
    database = ZODB.DB(storage())
    tids = commit_numbers(database, 3)
    client = storage()
    transactions = []
    for found in client.iterator():
        transactions.append(found.tid)
        records = list(found)
        assert [record.oid for record in records] == [z64] and records[0].tid == found.tid
        assert records[0].data == client.loadSerial(z64, found.tid) and records[0].data_txn is None
        assert found.status == " "
    assert transactions[-3:] == tids and len(transactions) == 4
    last = list(client.iterator(tids[2]))[0]
    assert last.description == b"number 2" and last.extension["tag"]["number"] == 2
    assert [found.tid for found in client.iterator(tids[0], tids[1])] == tids[:2]
    assert [found.tid for found in client.iterator(tids[2], tids[1])] == []
    assert [found.tid for found in client.iterator(maxtid)] == []

    call = client._call
    number = call("iterator_start", None, None)
    raises(KeyError, call, "iterator_record_start", number, tids[0])
    first = call("iterator_next", number)
    assert raises(ServerException, call, "iterator_record_start", number, tids[0])
    records = call("iterator_record_start", number, first[0])
    assert records != number
    assert call("iterator_record_next", records)[0] == z64
    assert call("iterator_record_next", records) is None
    assert raises(KeyError, call, "iterator_record_next", records).args == (records,)
    for _ in range(3):
        assert call("iterator_next", number)
    assert call("iterator_next", number) is None
    assert raises(KeyError, call, "iterator_next", number).args == (number,)
    assert raises(KeyError, call, "iterator_next", 4711).args == (4711,)
    raises(TypeError, call, "iterator_next", "x")
    raises(TypeError, call, "iterator_next", 1 << 63)
    raises(TypeError, call, "iterator_start", 1, None)
    number = call("iterator_start", None, None)
    client._async("iterator_gc", [number, 4711, -1])
    raises(KeyError, call, "iterator_next", number)
    # A client has so many and no more.
    for _ in range(10):
        call("iterator_start", None, None)
    error = raises(ServerException, call, "iterator_start", None, None)
    assert "iterators" in str(error), error
    client.close()
    database.close()


def records():
    """The current records, one after the other."""
    database = ZODB.DB(storage())
    with database.transaction() as connection:
        for number in range(10):
            connection.root()[number] = Length(number)
    with database.transaction() as connection:
        connection.root()[3].change(1)
    client = storage()
    following, found = None, []
    while True:
        oid, tid, data, following = client.record_iternext(following)
        assert client.loadBefore(oid, maxtid)[:2] == (data, tid)
        found.append(oid)
        if following is None:
            break
    assert found == [p64(number) for number in range(11)], found
    assert client.record_iternext(p64(5))[0] == p64(5)
    assert "ValueError" in str(raises(ServerException, client.record_iternext, p64(4711)))
    client.close()
    database.close()


def pack():
    """What is not needed goes, and every client is told how much is left."""
    database, other = ZODB.DB(storage()), storage()
    with database.transaction() as connection:
        connection.root()["garbage"] = PersistentMapping()
        connection.root()["kept"] = PersistentMapping()
    tids = commit_numbers(database, 5)
    with database.transaction() as connection:
        del connection.root()["garbage"]
    other.ping()
    # Whoever commits is told at once.
    before = database.storage.getSize()
    assert len(database.storage.history(z64, 100)) == 8
    assert database.storage.pack(time.time() + 1, wait=True) is None
    assert len(database.storage.history(z64, 100)) == 1
    raises(POSKeyError, database.storage.loadSerial, z64, tids[0])
    other.ping()
    assert other.getSize() == database.storage.getSize() < before, (before, other.getSize())
    assert len(other) == 2, len(other)
    commit_numbers(database, 3)
    database.storage._call("pack", time.time() + 1, False)
    for _ in range(1000):
        if len(database.storage.history(z64, 100)) == 1:
            break
        time.sleep(0.01)
    else:
        raise AssertionError("the pack that nobody waits for came to no end")
    for wrong in ("soon", None, float("nan"), float("inf")):
        raises(TypeError, database.storage._call, "pack", wrong, True)
    for _ in range(1000):
        # The one that nobody waits for may be tidying up.
        try:
            database.storage._call("pack", -1.0, True)
            break
        except ServerException as error:
            assert "under way" in str(error), error
        time.sleep(0.01)
    else:
        raise AssertionError("the pack never ended")
    other.close()
    database.close()


def restoring():
    """A copied history keeps its tids."""
    client = storage()
    source = ZODB.DB(storage("2"))
    commit_numbers(source, 3)
    source.undo(source.undoLog(0, 1)[0]["id"])
    transaction.commit()
    client.copyTransactionsFrom(source.storage)
    mine, theirs = list(client.iterator()), list(source.storage.iterator())
    assert [found.tid for found in mine] == [found.tid for found in theirs]
    assert mine[1].extension == theirs[1].extension and mine[1].description == theirs[1].description
    assert client.loadBefore(z64, maxtid) == source.storage.loadBefore(z64, maxtid)
    # Deleted objects are gone.
    with source.transaction() as connection:
        connection.root()["x"] = PersistentMapping()
        connection.add(connection.root()["x"])
        oid = connection.root()["x"]._p_oid
    metadata = TransactionMetaData()
    source.storage.tpc_begin(metadata)
    source.storage.deleteObject(oid, source.storage.loadBefore(oid, maxtid)[1], metadata)
    source.storage.tpc_vote(metadata)
    source.storage.tpc_finish(metadata)
    other = storage("2")
    raises(POSKeyError, other.loadBefore, oid, maxtid)
    other.close(), client.close(), source.close()


def blobs():
    """Blobs of all sizes come and go in chunks; others call meanwhile."""
    directory = tempfile.mkdtemp()
    shared = len(sys.argv) > 3
    kind = dict(blob_dir=sys.argv[3], shared_blob_dir=True) if shared else dict(blob_dir=directory + "/one")
    database = ZODB.DB(storage(**kind))
    sizes = [0, 1, 58_999, 59_000, 59_001, 5_000_000]
    contents = [bytes([size % 251]) * size for size in sizes]
    with database.transaction() as connection:
        for size, data in zip(sizes, contents):
            connection.root()[size] = Blob(data)
    kind = kind if shared else dict(blob_dir=directory + "/two")
    other = ZODB.DB(storage(**kind))
    with other.transaction() as connection:
        for size, data in zip(sizes, contents):
            with connection.root()[size].open("r") as file:
                assert file.read() == data, size
        oid, serial = connection.root()[sizes[-1]]._p_oid, connection.root()[sizes[-1]]._p_serial
    if not shared:
        raises(POSKeyError, other.storage._call, "sendBlob", oid, p64(u64(serial) - 1))
        raises(POSKeyError, other.storage._call, "sendBlob", p64(4711), serial)
        raises(POSKeyError, other.storage._call, "sendBlob", oid, maxtid)
    # An aborted blob leaves nothing.
    try:
        with database.transaction() as connection:
            connection.root()["never"] = Blob(b"x" * 200_000)
            connection.root()["unpicklable"] = lambda: 0
    except Exception as error:
        assert "pickle" in str(error).lower() or "lambda" in str(error), error
    with database.transaction() as connection:
        with connection.root()[1].open("w") as file:
            file.write(b"changed")
    other.storage.ping()
    with other.transaction() as connection:
        with connection.root()[1].open("r") as file:
            assert file.read() == b"changed"
    other.close(), database.close()


def readonly():
    """Reading calls are served where nothing may be written."""
    client = storage(read_only=True)
    assert list(client.iterator()) == []
    raises(ReadOnlyError, client.new_oid)
    client.close()


globals()[sys.argv[2]]()
print("done")
