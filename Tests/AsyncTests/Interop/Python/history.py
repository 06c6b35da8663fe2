"""What Python's FileStorage tells of the history in a data file.

    history.py tell PATH    print undo log, histories, transactions with their records, and current records as JSON
    history.py refs PATH    fsrefs: print what it has to say
    history.py copy PATH COPY    copy all transactions to a new file
    history.py pack PATH    remove old revisions, and no garbage
    history.py packs PATH GC    pack copies, PATH.0 and so on, to the time of each transaction; with GC=1 without garbage.
                            Print the tid of each time and what came of it: packed, missing (a reference leads nowhere),
                            lost (what is referred to later is gone) or failed
    history.py replay PATH STEPS    make the history that a file of steps describes, print what came of each step
"""
import base64
import json
import logging
import shutil
import sys
import time

from ZODB.Connection import TransactionMetaData
from ZODB.FileStorage import FileStorage
from ZODB.FileStorage.fspack import PackError
from ZODB.POSException import ConflictError
from ZODB.POSException import MultipleUndoErrors
from ZODB.POSException import POSKeyError
from ZODB.POSException import UndoError
from ZODB.scripts import fsrefs
from ZODB.serialize import referencesf
from ZODB.utils import load_current
from ZODB.utils import p64
from ZODB.utils import u64

import packing


def metadata(user, description):
    return {'user': user.hex(), 'description': description.hex()}


def tell(path):
    storage = FileStorage(path, read_only=True)
    log = [
        dict(metadata(entry['user_name'], entry['description']),
             tid=base64.b64decode(entry['id'] + b'\n').hex(), size=entry['size'])
        for entry in storage.undoLog(0, -10000)
    ]
    transactions = []
    for t in storage.iterator():
        records = [
            {'oid': r.oid.hex(), 'tid': r.tid.hex(), 'data': None if r.data is None else r.data.hex(),
             'dataTransaction': r.data_txn and r.data_txn.hex()}
            for r in t
        ]
        transactions.append(dict(metadata(t.user, t.description), tid=t.tid.hex(), status=t.status,
                                 extension=t.extension_bytes.hex(), records=records))
    histories = {}
    current = []
    for oid in sorted(storage._index.keys()):
        histories[oid.hex()] = [
            dict(metadata(entry['user_name'], entry['description']), tid=entry['tid'].hex(), size=entry['size'])
            for entry in storage.history(oid, size=10000)
        ]
        try:
            data, tid = load_current(storage, oid)
        except POSKeyError:
            continue
        current.append({'oid': oid.hex(), 'tid': tid.hex(), 'data': data.hex()})
    storage.close()
    print(json.dumps({'undoLog': log, 'transactions': transactions, 'histories': histories, 'current': current}))


def refs(path):
    fsrefs.main(path)
    print('done')


def copy(path, target):
    source = FileStorage(path, read_only=True)
    storage = FileStorage(target)
    storage.copyTransactionsFrom(source)
    storage.close()
    source.close()


def pack(path):
    storage = FileStorage(path)
    storage.pack(time.time() + 1, lambda data: [], gc=False)
    storage.close()


def before(storage, oid, stop):
    """The data of an object at a time; None where it has none."""
    try:
        found = storage.loadBefore(oid, p64(u64(stop) + 1))
    except POSKeyError:
        return None
    return found and found[0]


def referred(storage):
    """All objects that any record refers to."""
    return {oid for t in storage.iterator() for record in t if record.data for oid in referencesf(record.data)}


def packs(path, gc):
    for number in range(len(packing.tids(path))):
        # Behind the transaction and in front of the next one, however the time is rounded.
        t, stop = packing.pack_time(path, number, 5e-6)
        copied = '%s.%d' % (path, number)
        shutil.copy(path, copied)
        storage = FileStorage(copied, pack_keep_old=False)
        had = {oid for oid in storage._index if before(storage, oid, stop)}
        try:
            storage.pack(t, referencesf, gc=gc == '1')
            # Python throws away what was garbage at the time and is referred to later.
            lost = {oid for oid in referred(storage) & had if before(storage, oid, stop) is None}
            outcome = 'lost' if lost else 'packed'
        except KeyError:
            outcome = 'missing'
        except (AssertionError, PackError):
            # Without garbage collection Python's pack cannot copy the undo of what it leaves out.
            outcome = 'failed'
        storage.close()
        print(stop.hex(), outcome)


def perform(storage, t, step):
    for operation in step['operations']:
        kind = operation['kind']
        oid, serial, data, tid = [
            bytes.fromhex(operation[name]) if operation.get(name) is not None else None
            for name in ('oid', 'serial', 'data', 'tid')
        ]
        if kind == 'store':
            storage.store(oid, serial, data, '', t)
        elif kind == 'delete':
            storage.deleteObject(oid, serial, t)
        elif kind == 'undo':
            storage.undo(base64.b64encode(tid), t)
        elif kind == 'restore':
            storage.restore(oid, serial, data, '', tid, t)


def replay(path, steps):
    logging.disable()  # of merges that do not work out
    storage = FileStorage(path)
    outcomes = []
    with open(steps) as file:
        steps = json.load(file)
    for step in steps:
        t = TransactionMetaData(bytes.fromhex(step['user']))
        storage.tpc_begin(t, bytes.fromhex(step['tid']), step['status'])
        try:
            perform(storage, t, step)
            storage.tpc_vote(t)
            storage.tpc_finish(t)
        except MultipleUndoErrors as error:
            outcome = ['undo']
            for oid, problem in error._errs:
                outcome += [oid.hex(), problem._reason.removesuffix(' for %s')]
        except UndoError as error:
            outcome = ['undo', error._reason]
        except ConflictError as error:
            outcome = ['conflict', error.oid.hex()]
        except POSKeyError as error:
            outcome = ['missing', error.args[0].hex()]
        else:
            outcome = ['ok']
        storage.tpc_abort(t)
        outcomes.append(outcome)
    storage.close()
    print(json.dumps(outcomes))


if __name__ == '__main__':
    logging.basicConfig(stream=sys.stdout, level=logging.WARNING)
    command, *arguments = sys.argv[1:]
    globals()[command](*arguments)
