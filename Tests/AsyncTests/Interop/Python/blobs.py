#
# Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
# Licensed under the Apache License, Version 2.0; see LICENSE.
# SPDX-License-Identifier: Apache-2.0
"""What Python's ZODB makes of a blob directory.

    blobs.py make KIND LAYOUT FOLDER   write FOLDER/Data.fs and FOLDER/blobs with everything that blobs go through
    blobs.py dump KIND FOLDER          print the blob of every record as JSON
    blobs.py undo KIND FOLDER          undo the last transaction
    blobs.py append KIND FOLDER        store a revision more of every object that has a blob
    blobs.py pack KIND FOLDER          pack everything before now

KIND is `file`, FileStorage(blob_dir=...), or `around`, BlobStorage(FileStorage(...)).
"""
import base64
import json
import os
import sys
import time

import transaction
import ZODB
from ZODB.blob import Blob
from ZODB.blob import BlobStorage
from ZODB.blob import is_blob_record
from ZODB.Connection import TransactionMetaData
from ZODB.FileStorage import FileStorage
from ZODB.POSException import POSKeyError
from ZODB.serialize import referencesf
from ZODB.utils import load_current


def opened(kind, folder):
    path, blobs = folder + '/Data.fs', folder + '/blobs'
    # Garbage is not collected: what hangs on no root object stays.
    if kind == 'file':
        return FileStorage(path, blob_dir=blobs, pack_gc=False)
    return BlobStorage(blobs, FileStorage(path, pack_gc=False))


def note(text):
    transaction.get().note(text)
    transaction.commit()


def make(kind, layout, folder):
    # A FileStorage that makes its file removes the blob directory that it finds.
    FileStorage(folder + '/Data.fs').close()
    os.mkdir(folder + '/blobs')
    with open(folder + '/blobs/.layout', 'w') as f:
        f.write(layout)
    db = ZODB.DB(opened(kind, folder))
    connection = db.open()
    root = connection.root()
    for number in range(300):
        root['blob%d' % number] = Blob(b'blob %d' % number)
    note('many blobs')
    for round in range(3):
        with root['blob%d' % round].open('w') as f:
            f.write(b'x' * 100000 + b'%d' % round)
        with root['blob0'].open('a') as f:
            f.write(b'round %d' % round)
        note('round %d' % round)
    db.undo(db.undoLog(0, 1)[0]['id'])
    note('undo of a change')
    root['new'] = Blob(b'')
    note('an empty blob')
    db.undo(db.undoLog(0, 1)[0]['id'])
    note('undo of a creation')
    db.undo(db.undoLog(0, 1)[0]['id'])
    note('undo of the undo')
    connection.close()
    db.close()


def dump(kind, folder):
    storage = opened(kind, folder)
    blobs = []
    for t in storage.iterator():
        for record in t:
            if not is_blob_record(record.data):
                continue
            try:
                with open(storage.loadBlob(record.oid, record.tid), 'rb') as f:
                    content = f.read()
                blobs.append({'oid': record.oid.hex(), 'tid': record.tid.hex(), 'size': len(content),
                              'end': content[-40:].hex()})
            except POSKeyError:
                blobs.append({'oid': record.oid.hex(), 'tid': record.tid.hex(), 'size': -1, 'end': ''})
    storage.close()
    print(json.dumps(blobs))


def commit(storage, text, body):
    t = TransactionMetaData(b'python', text)
    storage.tpc_begin(t)
    body(t)
    storage.tpc_vote(t)
    storage.tpc_finish(t)


def undo(kind, folder):
    storage = opened(kind, folder)
    last = base64.encodebytes(storage.lastTransaction()).rstrip()
    commit(storage, b'undo', lambda t: storage.undo(last, t))
    storage.close()


def append(kind, folder):
    storage = opened(kind, folder)
    oids = {r.oid for t in storage.iterator() for r in t if is_blob_record(r.data)}

    def store(t):
        for oid in sorted(oids):
            try:
                data, serial = load_current(storage, oid)
            except POSKeyError:
                continue
            path = storage.temporaryDirectory() + '/new'
            with open(path, 'wb') as f:
                f.write(b'appended ' + oid)
            storage.storeBlob(oid, serial, data, path, '', t)
    commit(storage, b'append', store)
    storage.close()


def pack(kind, folder):
    storage = opened(kind, folder)
    time.sleep(0.01)
    storage.pack(time.time(), referencesf)
    storage.close()


if __name__ == '__main__':
    command, *arguments = sys.argv[1:]
    globals()[command](*arguments)
