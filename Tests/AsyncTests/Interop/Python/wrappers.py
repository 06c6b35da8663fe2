#
# Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
# Licensed under the Apache License, Version 2.0; see LICENSE.
# SPDX-License-Identifier: Apache-2.0
"""What Python's storages around storages are and do.

    wrappers.py tell FOLDER    print names and interfaces of several as JSON
    wrappers.py write FOLDER   write FOLDER/Data.fs through a ZlibStorage, records long and short
    wrappers.py read FOLDER    print every record of FOLDER/Data.fs, through a ZlibStorage, as JSON
"""
import json
import sys

import zope.interface
from ZODB.blob import BlobStorage
from ZODB.Connection import TransactionMetaData
from ZODB.DemoStorage import DemoStorage
from ZODB.FileStorage import FileStorage
from ZODB.MappingStorage import MappingStorage
from ZODB.utils import p64
from ZODB.utils import z64
from zc.beforestorage import Before
from zc.zlibstorage import ServerZlibStorage
from zc.zlibstorage import ZlibStorage


def tell(folder):
    def file(name):
        return FileStorage(folder + '/' + name)

    def blobs(name):
        return FileStorage(folder + '/' + name, blob_dir=folder + '/blobs-' + name)
    storages = {
        'file': file('1'),
        'fileWithBlobs': blobs('2'),
        'blobsAroundFile': BlobStorage(folder + '/3', file('3.fs')),
        'blobsAroundMapping': BlobStorage(folder + '/4', MappingStorage()),
        'demo': DemoStorage(),
        'demoOverFiles': DemoStorage(base=file('5'), changes=file('6')),
        'demoWithBlobs': DemoStorage(base=MappingStorage(), changes=blobs('7')),
        'before': Before(file('8'), '2008-01-21T15:22:43.25'),
        'beforeWithBlobs': Before(blobs('9'), '2008-01-21'),
        'zlib': ZlibStorage(file('10')),
        'serverZlib': ServerZlibStorage(BlobStorage(folder + '/11', MappingStorage())),
    }
    print(json.dumps({name: {
        'name': storage.getName().replace(folder + '/', ''),
        'interfaces': [i.__name__ for i in zope.interface.providedBy(storage).__iro__
                       if i.__module__ == 'ZODB.interfaces'],
    } for name, storage in storages.items()}))
    for storage in storages.values():
        storage.close()


def write(folder):
    storage = ZlibStorage(FileStorage(folder + '/Data.fs'))
    t = TransactionMetaData()
    storage.tpc_begin(t)
    for number in range(30):
        storage.store(p64(number), z64, b'record %d ' % number * (1 + number * number), '', t)
    storage.tpc_vote(t)
    storage.tpc_finish(t)
    storage.close()


def read(folder):
    storage = ZlibStorage(FileStorage(folder + '/Data.fs', read_only=True))
    print(json.dumps({record.oid.hex(): record.data.hex() for t in storage.iterator() for record in t}))
    storage.close()


if __name__ == '__main__':
    globals()[sys.argv[1]](sys.argv[2])
