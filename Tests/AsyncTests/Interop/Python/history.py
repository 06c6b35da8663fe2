"""What Python's FileStorage tells of the history in a data file.

    history.py tell PATH    print undo log, histories, transactions with their records, and current records as JSON
    history.py refs PATH    fsrefs: print what it has to say
"""
import base64
import json
import logging
import sys

from ZODB.FileStorage import FileStorage
from ZODB.POSException import POSKeyError
from ZODB.scripts import fsrefs
from ZODB.utils import load_current


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


if __name__ == '__main__':
    logging.basicConfig(stream=sys.stdout, level=logging.WARNING)
    command, path = sys.argv[1:]
    globals()[command](path)
