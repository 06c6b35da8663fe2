#
# Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
# Licensed under the Apache License, Version 2.0; see LICENSE.
# SPDX-License-Identifier: Apache-2.0
"""What Python's tools say of data files.

    fstools.py fsdump PATH      fsdump's output
    fstools.py fsrefs PATH      fsrefs's output
    fstools.py dangling PATH    write a file in which a reference leads nowhere
    fstools.py damaged FOLDER   for each NAME.fs of a folder, which is damaged, and NAME.recovered, as JSON: what fstest
                                says of either, and the transactions that fsrecover and the other one have
"""
import contextlib
import hashlib
import io
import json
import logging
import os
import sys
import tempfile

from ZODB import fsrecover
from ZODB.FileStorage import FileIterator
from ZODB.FileStorage import FileStorage
from ZODB.FileStorage.fsdump import fsdump as dump
from ZODB.scripts import fsrefs as refs
from ZODB.scripts import fstest
from ZODB.serialize import referencesf
from ZODB.utils import load_current
from ZODB.utils import p64

import filestorage


def fsdump(path):
    dump(path)


def fsrefs(path):
    refs.main(path)


def dangling(path):
    filestorage.few(path)
    storage = FileStorage(path)
    root, _ = load_current(storage, p64(0))
    oid = referencesf(root)[0]
    _, serial = load_current(storage, oid)
    with filestorage.storage_transaction(storage, b'', b'deleted') as t:
        storage.deleteObject(oid, serial, t)
    storage.close()


def complaint(path):
    try:
        fstest.check(path)
    except Exception as error:
        return '%s: %s' % (type(error).__name__, error)


def transactions(path):
    iterator = FileIterator(path)
    try:
        return {
            t.tid.hex(): [
                t.status, t.user.hex(), t.description.hex(),
                [[r.oid.hex(), r.data and hashlib.sha256(r.data).hexdigest()] for r in t],
            ] for t in iterator
        }
    finally:
        iterator.close()


def opened(path):
    """Whatever FileStorage complains of when it opens a file with and without its index."""
    complaints = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: complaints.append(record.getMessage())
    logger = logging.getLogger('ZODB')
    logger.addHandler(handler)
    try:
        storage = FileStorage(path, read_only=True)
        if not storage._used_index and storage.getSize() > 200:
            complaints.append('the index was not used')
        storage.close()
        os.rename(path + '.index', path + '.index.away')
        FileStorage(path, read_only=True).close()
        os.rename(path + '.index.away', path + '.index')
    finally:
        logger.removeHandler(handler)
    return complaints


def damaged(folder):
    results = {}
    for name in sorted(os.listdir(folder)):
        if not name.endswith('.fs'):
            continue
        path = os.path.join(folder, name)
        ours = path[:-3] + '.recovered'
        result = results[name[:-3]] = {'fstest': complaint(path), 'recovered': None, 'python': None}
        if os.path.exists(ours):
            result['recovered'] = {
                'fstest': complaint(ours), 'opened': opened(ours), 'transactions': transactions(ours),
            }
        with tempfile.TemporaryDirectory() as space, contextlib.redirect_stdout(io.StringIO()):
            output = os.path.join(space, 'python.fs')
            try:
                fsrecover.recover(path, output)
                result['python'] = transactions(output)
            except (Exception, SystemExit):
                pass
    print(json.dumps(results))


if __name__ == '__main__':
    logging.basicConfig(level=logging.CRITICAL + 1)
    command, path = sys.argv[1:]
    globals()[command](path)
