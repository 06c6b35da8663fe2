#
# Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
# Licensed under the Apache License, Version 2.0; see LICENSE.
# SPDX-License-Identifier: Apache-2.0
"""What Python's FileStorage makes of a data file.

    filestorage.py make PATH     write a file with everything that FileStorage can write
    filestorage.py few PATH      write a file with few plain transactions
    filestorage.py append PATH N commit N transactions more
    filestorage.py dump PATH     print every transaction and every revision as JSON
    filestorage.py check PATH    fstest, fsdump, and every record by its serial
    filestorage.py lock PATH     open for writing, say so, hold it until killed
    filestorage.py refused PATH  fail to open for writing
"""
import contextlib
import io
import json
import logging
import re
import shutil
import struct
import sys
import tempfile
import time

import transaction
import ZODB
import zc.lockfile
from persistent.mapping import PersistentMapping
from ZODB.FileStorage import FileStorage
from ZODB.FileStorage.fsdump import fsdump
from ZODB.POSException import POSKeyError
from ZODB.scripts import fstest
from ZODB.serialize import referencesf
from ZODB.utils import p64
from ZODB.utils import u64


def note(user, description, **extension):
    t = transaction.get()
    t.setUser(user) if user else None
    t.note(description)
    for name, value in extension.items():
        t.setExtendedInfo(name, value)
    transaction.commit()


def make(path):
    db = ZODB.DB(FileStorage(path))
    connection = db.open()
    root = connection.root()
    for number in range(20):
        root['key%d' % number] = PersistentMapping({'number': number})
    note('anna', 'twenty mappings')
    for round in range(5):
        for number in range(0, 20, round + 1):
            root['key%d' % number]['round'] = round
        note('bert %d' % round, 'round %d \u00fc' % round, round=round, names=['a', 'b'])
    transaction.get().note('nothing changed')
    transaction.commit()

    del root['key19']
    note('dora', 'garbage')
    time.sleep(0.01)
    before_undo = time.time()
    time.sleep(0.01)

    # Undone: a change (a back-pointer) and a creation (a back-pointer to nothing).
    root['key1']['undone'] = True
    note('', 'to be undone')
    db.undo(db.undoLog(0, 1)[0]['id'])
    note('carl', 'undo of a change')
    root['created'] = PersistentMapping({'big': 'x' * 5000})
    note('', 'creation to be undone')
    db.undo(db.undoLog(0, 1)[0]['id'])
    note('carl', 'undo of a creation')

    # A pack copies what came later, with back-pointers that lead elsewhere now.
    db.pack(before_undo)
    for number in range(5):
        root['key%d' % number]['after'] = 'the pack'
        note('emil', 'after the pack %d' % number)
    db.undoMultiple([entry['id'] for entry in db.undoLog(0, 3)])
    note('emil', 'undo of three at once')

    # What only the storage's own interface writes: an object deleted, and one stored twice in a transaction.
    storage = db.storage._storage if hasattr(db.storage, '_storage') else db.storage
    last = root['key7']
    with storage_transaction(storage, b'fritz', b'deleted') as t:
        storage.deleteObject(last._p_oid, last._p_serial, t)
    oid = storage.new_oid()
    with storage_transaction(storage, b'gerd', b'twice') as t:
        storage.store(oid, p64(0), b'first', '', t)
        storage.store(oid, p64(0), b'second', '', t)
    connection.close()
    db.close()


@contextlib.contextmanager
def storage_transaction(storage, user, description):
    t = ZODB.Connection.TransactionMetaData(user, description)
    storage.tpc_begin(t)
    yield t
    storage.tpc_vote(t)
    storage.tpc_finish(t)


def few(path):
    db = ZODB.DB(FileStorage(path))
    connection = db.open()
    for number in range(10):
        connection.root()['few'] = PersistentMapping({'number': number})
        note('few', 'number %d' % number)
    connection.close()
    db.close()


def append(path, count):
    storage = FileStorage(path)
    print('index', 'used' if storage._used_index else 'rebuilt')
    for number in range(count):
        oid = storage.new_oid()
        with storage_transaction(storage, b'python', b'appended %d' % number) as t:
            storage.store(oid, p64(0), b'appended %d' % number, '', t)
    storage.close()


def revision(storage, oid, tid):
    """What a load of exactly this revision gives."""
    try:
        found = storage.loadBefore(oid, p64(u64(tid) + 1))
    except POSKeyError:
        return {'tid': tid.hex(), 'data': None, 'next': None}
    # A record that a pack kept for the sake of a later pointer is no revision.
    if not found or found[1] != tid:
        return None
    data, serial, next_serial = found
    assert storage.loadSerial(oid, tid) == data
    return {'tid': tid.hex(), 'data': data.hex(), 'next': next_serial and next_serial.hex()}


def dump(path):
    storage = FileStorage(path, read_only=True)
    transactions = []
    objects = {}
    for t in storage.iterator():
        oids = []
        for record in t:
            oids.append(record.oid.hex())
            objects.setdefault(record.oid, []).append(t.tid)
        transactions.append({
            'tid': t.tid.hex(), 'status': t.status, 'user': t.user.hex(), 'description': t.description.hex(),
            'extension': t.extension_bytes.hex(), 'oids': list(dict.fromkeys(oids)),
        })
    revisions = {}
    for oid, tids in objects.items():
        if oid in storage._index:
            found = [revision(storage, oid, tid) for tid in dict.fromkeys(tids)]
            revisions[oid.hex()] = [one for one in found if one]
    print(json.dumps({
        'last': storage.lastTransaction().hex(), 'count': len(storage), 'size': storage.getSize(),
        'usedIndex': bool(storage._used_index), 'transactions': transactions, 'objects': revisions,
    }))
    storage.close()


def kept_by_pack(path, complaint):
    """Whether a complaint is about a record of a packed transaction without a pointer to a previous one."""
    found = re.search(r'incorrect previous pointer at (\d+)$', complaint)
    if not found:
        return False
    with open(path, 'rb') as file:
        file.seek(int(found[1]))
        oid, tid, previous, transaction = struct.unpack('>8s8sQQ', file.read(32))
        file.seek(transaction + 16)
        return previous == 0 and file.read(1) == b'p'


def check(path):
    fstest.check(path)
    with contextlib.redirect_stdout(io.StringIO()):
        fsdump(path)
    # A copy has no index beside it, so every pointer to a previous record is compared; faults are only logged. A record
    # that a pack kept for the sake of a later pointer has none, whoever packed: that is the one fault that is allowed.
    with tempfile.TemporaryDirectory() as folder:
        complaints = []
        handler = logging.Handler()
        handler.emit = lambda record: complaints.append(record.getMessage())
        logging.getLogger('ZODB').addHandler(handler)
        FileStorage(shutil.copy(path, folder), read_only=True).close()
        assert all(kept_by_pack(path, complaint) for complaint in complaints), complaints
    storage = FileStorage(path, read_only=True)
    records = 0
    for t in storage.iterator():
        for oid, record in {record.oid: record for record in t}.items():
            records += 1
            if record.data is None:
                continue
            try:
                assert storage.loadSerial(oid, t.tid) == record.data
            except POSKeyError:
                # A record that a pack kept for the sake of a later pointer is no revision.
                assert t.status == 'p', (oid, t.tid)
    storage.close()
    print('clean', records)


def lock(path):
    storage = FileStorage(path)
    print('locked', flush=True)
    while True:
        time.sleep(1)
    storage.close()


def refused(path):
    try:
        FileStorage(path)
    except zc.lockfile.LockError as error:
        print('refused', error)
    else:
        sys.exit('the lock was not respected')


if __name__ == '__main__':
    command, path, *rest = sys.argv[1:]
    globals()[command](path, *map(int, rest))
