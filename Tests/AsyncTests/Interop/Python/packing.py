#
# Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
# Licensed under the Apache License, Version 2.0; see LICENSE.
# SPDX-License-Identifier: Apache-2.0
"""Packs by Python's FileStorage, to be compared with ours.

    packing.py histories FOLDER FIRST COUNT RELINK
                                  write random histories of stores, undos, references and garbage, SEED.fs, and pack
                                  copies: SEED-gc.fs, SEED-all.fs; print the seeds and the tids that were packed to,
                                  and "failed" where the latter could not be packed, "lost" where the former could not.
                                  RELINK=1: what was removed is linked again at times
    packing.py big PATH OBJECTS   write a file with many objects, each in a few revisions
    packing.py time PATH          pack to now and print how long that took
    packing.py check PATH...      fstest, fsrefs and every pointer to a previous revision
    packing.py records PATH       print every transaction and every revision
    packing.py undo PATH          undo the last transaction
"""
import base64
import contextlib
import io
import logging
import os
import random
import shutil
import sys
import time

import transaction
import ZODB
from persistent.mapping import PersistentMapping
from persistent.wref import WeakRef
from ZODB.FileStorage import FileStorage
from ZODB.FileStorage.fspack import PackError
from ZODB.MappingStorage import MappingStorage
from ZODB.POSException import POSKeyError
from ZODB.POSException import UndoError
from ZODB.scripts import fsrefs
from ZODB.scripts import fstest
from ZODB.serialize import referencesf
from ZODB.TimeStamp import TimeStamp


def tids(path):
    storage = FileStorage(path, read_only=True)
    found = [t.tid for t in storage.iterator()]
    storage.close()
    return found


def pack_time(path, number, later=0):
    """The time of a transaction, or some seconds later, as pack() wants it, and the tid that pack() makes of it."""
    t = TimeStamp(tids(path)[number]).timeTime() + later
    return t, TimeStamp(*time.gmtime(t)[:5] + (t % 60,)).raw()


def reachable(connection, root):
    """What the root leads to: only that is changed again, as an application does it."""
    connection.sync()
    nodes, todo, seen = [], [root], set()
    while todo:
        node = todo.pop()
        if node._p_oid not in seen:
            seen.add(node._p_oid)
            nodes.append(node)
            todo.extend(child for key, child in node.items() if key.startswith('child'))
    return nodes


def written(db, entry):
    """The objects that a transaction of the undo log has written."""
    tid = base64.decodebytes(entry['id'] + b'\n')
    return {record.oid for t in db.storage.iterator(tid, tid) for record in t}


def make(path, seed, relink):
    choose = random.Random(seed)
    databases = {}
    db = ZODB.DB(FileStorage(path), databases=databases, database_name='main')
    ZODB.DB(MappingStorage(), databases=databases, database_name='other')
    connection = db.open()
    root = connection.root()
    other = connection.get_connection('other').root()
    nodes, removed = [root], []

    def commit(note):
        transaction.get().note(note)
        try:
            transaction.commit()
        except Exception:
            transaction.abort()
            raise

    commit('nothing')
    for step in range(choose.randint(20, 60)):
        node = choose.choice(nodes)
        last = db.undoLog(0, 1)[0]['description']
        if not relink and last.startswith(('undo', 'add')) and choose.random() < 0.3:
            # Undos of undos, of creations among them.
            try:
                db.undo(db.undoLog(0, 1)[0]['id'])
                commit('undo %d' % step)
            except (UndoError, POSKeyError):
                transaction.abort()
            nodes = reachable(connection, root)
            continue
        action = choose.choice(['add'] * 5 + ['set'] * 5 + ['remove'] * 3 + ['undo'] * 4 + ['link', 'weak', 'other'])
        try:
            if action == 'undo':
                # Nobody undoes the creation of what has been linked elsewhere meanwhile.
                log = [entry for number, entry in enumerate(db.undoLog(0, 12))
                       if entry['description'].split()[0] in ('set', 'remove', 'weak', 'other')
                       or number == 0 and 'initial' not in entry['description']]
                if log:
                    picked = choose.sample(log, min(len(log), choose.choice([1, 1, 1, 2])))
                    if written(db, picked[0]) & written(db, picked[-1]):
                        # Python's pack takes the first of two records of an object for the one that was pointed to.
                        picked = picked[:1]
                    db.undoMultiple([entry['id'] for entry in picked])
                    commit('undo %d' % step)
                nodes = reachable(connection, root)
                continue
            if action == 'add':
                for number in range(choose.randint(1, 3)):
                    node['child%d.%d' % (step, number)] = PersistentMapping({'text': 'x' * choose.randint(0, 3000)})
            elif action == 'set':
                node['value'] = step
            elif action == 'remove':
                for key in [key for key in node if key.startswith('child')][:1]:
                    removed.append(node.pop(key))
            elif action == 'link':
                if relink and removed and choose.random() < 0.8:
                    node['child%d' % step] = choose.choice(removed)
                else:
                    node['child%d' % step] = choose.choice(nodes)
            elif action == 'weak':
                node['weak'] = WeakRef(choose.choice(nodes))
            elif action == 'other':
                node['other'] = other
            commit('%s %d' % (action, step))
        except (UndoError, POSKeyError):
            transaction.abort()
        nodes = reachable(connection, root)
    connection.close()
    db.close()
    return len(tids(path))


def histories(folder, first, count, relink):
    for seed in range(first, first + count):
        path = '%s/%d.fs' % (folder, seed)
        transactions = make(path, seed, relink)
        choose = random.Random(seed)
        # Twice, so that the second one meets what the first one has made.
        packs = sorted(choose.randrange(transactions) for _ in range(2))
        times = [pack_time(path, number) for number in packs]
        failed = ''
        for name, gc in (('gc', True), ('all', False)):
            packed = '%s/%d-%s.fs' % (folder, seed, name)
            shutil.copy(path, packed)
            storage = FileStorage(packed, pack_keep_old=False)
            for t, _ in times:
                try:
                    storage.pack(t, referencesf, gc=gc)
                except KeyError:
                    # Python's first pack has thrown away what is linked again later.
                    assert gc and relink
                    failed = 'lost'
                    break
                except (AssertionError, PackError):
                    # Without garbage collection Python's pack cannot copy the undo of what it leaves out.
                    assert not gc
                    failed = failed or 'failed'
                    break
            storage.close()
        print(seed, *(stop.hex() for _, stop in times), failed)


def big(path, objects):
    db = ZODB.DB(FileStorage(path))
    connection = db.open()
    root = connection.root()
    leaves = []
    for branch in range(objects // 1000):
        mapping = root['branch%d' % branch] = PersistentMapping()
        for number in range(999):
            leaf = mapping[str(number)] = PersistentMapping({'number': number, 'text': 'some text ' * 12})
            leaves.append(leaf)
        transaction.commit()
        connection.cacheMinimize()
    for round in range(3):
        for start in range(0, len(leaves), 500):
            for leaf in leaves[start:start + 500]:
                leaf['round'] = round
            transaction.commit()
            connection.cacheMinimize()
    for branch in range(0, objects // 1000, 10):
        del root['branch%d' % branch]
    transaction.commit()
    connection.close()
    db.close()
    print(os.path.getsize(path))


def time_pack(path):
    storage = FileStorage(path)
    begin = time.perf_counter()
    storage.pack(time.time(), referencesf)
    print('%.3f seconds, %d bytes' % (time.perf_counter() - begin, storage.getSize()))
    storage.close()


def check(*paths):
    for path in paths:
        fstest.check(path)
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            fsrefs.main(path)
        assert not output.getvalue(), (path, output.getvalue())
        complaints = []
        handler = logging.Handler(logging.ERROR)
        handler.emit = lambda record: complaints.append(record.getMessage())
        logging.getLogger('ZODB').addHandler(handler)
        if os.path.exists(path + '.index'):
            storage = FileStorage(path, read_only=True)
            assert storage._used_index, path
            storage.close()
            os.rename(path + '.index', path + '.aside')
        storage = FileStorage(path, read_only=True)
        for t in storage.iterator():
            for record in t:
                assert record.data is None or len(record.data) > 0
        storage.close()
        if os.path.exists(path + '.aside'):
            os.rename(path + '.aside', path + '.index')
        logging.getLogger('ZODB').removeHandler(handler)
        assert not complaints, (path, complaints)
    print('clean', len(paths))


def records(path):
    storage = FileStorage(path, read_only=True)
    for t in storage.iterator():
        print(t.tid.hex(), repr(t.status), t.user.hex(), t.description.hex())
        for record in t:
            print(t.tid.hex(), record.oid.hex(), record.data and record.data.hex(),
                  record.data_txn and record.data_txn.hex())
    storage.close()


def undo(path):
    db = ZODB.DB(FileStorage(path))
    db.undo(db.undoLog(0, 1)[0]['id'])
    transaction.commit()
    db.close()


if __name__ == '__main__':
    command, *rest = sys.argv[1:]
    rest = [int(argument) if argument.isdigit() else argument for argument in rest]
    {'time': time_pack}.get(command, globals().get(command))(*rest)
