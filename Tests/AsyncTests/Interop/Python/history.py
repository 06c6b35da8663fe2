"""What Python's FileStorage tells of the history in a data file.

    history.py tell PATH    print undo log, histories, transactions with their records, and current records as JSON
    history.py refs PATH    fsrefs: print what it has to say
    history.py copy PATH COPY    copy all transactions to a new file
    history.py pack PATH    remove old revisions, and no garbage
    history.py packs PATH GC    pack copies, PATH.0 and so on, to the time of each transaction; with GC=1 without garbage.
                            Print the tid of each time and what came of it
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


def packs(path, gc):
    for number in range(len(packing.tids(path))):
        t, stop = packing.pack_time(path, number)
        copied = '%s.%d' % (path, number)
        shutil.copy(path, copied)
        storage = FileStorage(copied, pack_keep_old=False)
        try:
            storage.pack(t, referencesf, gc=gc == '1')
            outcome = 'packed'
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
