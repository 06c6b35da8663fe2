#
# Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
# Licensed under the Apache License, Version 2.0; see LICENSE.
# SPDX-License-Identifier: Apache-2.0
"""Random histories of data files, and what Python makes of those that others wrote.

    histories.py make FOLDER SEED COUNT   write COUNT files, python-SEED.fs and so on
    histories.py judge PATH…              for each file a line of JSON: its transactions, revisions and blobs as FileStorage
                                          tells them; fails where fstest, fsrefs, FileStorage or repozo find a fault

The blobs of PATH are in PATH.blobs.
"""
import contextlib
import filecmp
import io
import json
import os
import random
import shutil
import sys
import tempfile
import time

import transaction
import ZODB
from persistent.mapping import PersistentMapping
from ZODB.blob import Blob
from ZODB.blob import is_blob_record
from ZODB.FileStorage import FileStorage
from ZODB.POSException import UndoError
from ZODB.scripts import fsrefs
from ZODB.scripts import repozo

import filestorage


def opened(path, **options):
    return FileStorage(path, blob_dir=path + '.blobs', **options)


class History:
    """One file that grows at random: several writers, blobs, undos, packs, and copies into a fresh file."""

    def __init__(self, path, seed):
        self.path = path
        self.random = random.Random(seed)
        self.open(opened(path))
        self.managers[0].begin()
        root = self.connections[0].root()
        for number in range(self.random.randint(3, 12)):
            root['object%d' % number] = PersistentMapping()
        self.managers[0].commit()

    def open(self, storage):
        self.db = ZODB.DB(storage)
        self.managers = [transaction.TransactionManager() for _ in range(3)]
        self.connections = [self.db.open(manager) for manager in self.managers]

    def close(self):
        for manager in self.managers:
            manager.abort()
        for connection in self.connections:
            connection.close()
        self.db.close()

    def run(self, steps):
        actions = ([self.change] * 9 + [self.blobs] * 4 + [self.create] * 3 + [self.forget] * 2 + [self.undo] * 4
                   + [self.pack, self.copy])
        for _ in range(steps):
            self.random.choice(actions)()

    @contextlib.contextmanager
    def transaction(self, name):
        writer = self.random.randrange(len(self.managers))
        manager = self.managers[writer]
        txn = manager.begin()
        txn.setUser('writer%d' % writer)
        txn.note('%s \u00e9 %d' % (name, self.random.randrange(1000)))
        if self.random.random() < 0.3:
            txn.setExtendedInfo('number', self.random.randrange(1 << 40))
        yield self.connections[writer].root()
        manager.commit()

    def change(self):
        with self.transaction('change') as root:
            keys = [key for key in sorted(root) if not isinstance(root[key], Blob)]
            for key in self.random.sample(keys, min(len(keys), self.random.randint(1, 4))):
                size = self.random.choice((1, 10, 100, 3000))
                root[key]['x%d' % self.random.randrange(5)] = 'y' * self.random.randrange(size)

    def blobs(self):
        with self.transaction('blobs') as root:
            keys = [key for key in sorted(root) if isinstance(root[key], Blob)]
            for key in self.random.sample(keys, min(len(keys), self.random.randrange(3))):
                with root[key].open('w') as f:
                    f.write(self.content())
            if self.random.random() < 0.5:
                root['blob%d' % self.random.randrange(1000)] = Blob(self.content())

    def content(self):
        return b'%x ' % self.random.randrange(1 << 32) * self.random.choice((0, 1, 10, 1000))

    def create(self):
        with self.transaction('create') as root:
            root['made%d' % self.random.randrange(1000)] = PersistentMapping({'in': PersistentMapping()})

    def forget(self):
        with self.transaction('forget') as root:
            if len(root) > 3:
                del root[self.random.choice(sorted(root))]

    def undo(self):
        # The creation of the root is not to be undone.
        log = [entry for entry in self.db.undoLog(0, 8) if 'writer' in entry['user_name']]
        if not log:
            return
        chosen = self.random.sample([entry['id'] for entry in log], self.random.randint(1, min(2, len(log))))
        manager = self.managers[0]
        manager.begin()
        try:
            self.db.undoMultiple(chosen, manager.get())
            manager.commit()
        except UndoError:
            manager.abort()

    def pack(self):
        self.db.pack(time.time() - self.random.choice((0, 0, 0.05)))

    def copy(self):
        """The storage is replaced by one into which its transactions were restored."""
        self.close()
        source = opened(self.path, read_only=True)
        target = FileStorage(self.path + '.copy', create=True, blob_dir=self.path + '.copy.blobs')
        target.copyTransactionsFrom(source)
        source.close()
        target.close()
        shutil.rmtree(self.path + '.blobs')
        for suffix in ('', '.index', '.blobs'):
            os.replace(self.path + '.copy' + suffix, self.path + suffix)
        for leftover in ('.copy.lock', '.copy.tmp', '.old'):
            if os.path.exists(self.path + leftover):
                os.remove(self.path + leftover)
        self.open(opened(self.path))


def make(folder, seed, count):
    for number in range(int(seed), int(seed) + int(count)):
        history = History(os.path.join(folder, 'python-%d.fs' % number), number)
        history.run(history.random.randint(10, 60))
        history.close()


def blobs(path):
    """The contents of the blobs of all records, and the files that belong to no record."""
    storage = opened(path, read_only=True)
    found, files = {}, set()
    for t in storage.iterator():
        for record in t:
            if is_blob_record(record.data):
                file = storage.loadBlob(record.oid, record.tid)
                files.add(file)
                with open(file, 'rb') as f:
                    found[record.oid.hex() + record.tid.hex()] = f.read().decode('ascii')
    storage.close()
    folder = os.path.abspath(path) + '.blobs'
    there = {os.path.join(where, name) for where, _, names in os.walk(folder) for name in names if name.endswith('.blob')}
    return found, sorted(os.path.relpath(file, folder) for file in there - set(map(os.path.abspath, files)))


def judge(*paths):
    for path in paths:
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            filestorage.check(path)
            filestorage.dump(path)
        dump = json.loads(output.getvalue().splitlines()[-1])
        dump['blobs'], dump['strays'] = blobs(path)
        complaints = io.StringIO()
        with contextlib.redirect_stdout(complaints):
            fsrefs.main(path)
        assert not complaints.getvalue(), complaints.getvalue()
        with tempfile.TemporaryDirectory() as space:
            copy = os.path.join(space, 'copy.fs')
            backup = os.path.join(space, 'backup')
            os.mkdir(backup)
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                repozo.main(['-B', '-r', backup, '-f', path])
                repozo.main(['-R', '-r', backup, '-o', copy])
            assert filecmp.cmp(path, copy, shallow=False), 'repozo brought something else back'
        print(json.dumps(dump))


if __name__ == '__main__':
    command, *arguments = sys.argv[1:]
    globals()[command](*arguments)
