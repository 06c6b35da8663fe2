# Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
# Licensed under the Apache License, Version 2.0; see LICENSE.
# SPDX-License-Identifier: Apache-2.0
"""Blobs through Python's ClientStorage.

    blob_client.py write HOST:PORT cache|shared FOLDER NAME TEXT   store a blob in the root; prints its oid and tid
    blob_client.py read HOST:PORT cache|shared FOLDER OID TID      print the blob of a revision
"""
import sys

import transaction
import ZODB
from ZEO.ClientStorage import ClientStorage
from ZODB.blob import Blob

command, address, kind, folder, *arguments = sys.argv[1:]
host, port = address.rsplit(':', 1)
storage = ClientStorage((host, int(port)), blob_dir=folder, shared_blob_dir=kind == 'shared', wait_timeout=20)
if command == 'write':
    database = ZODB.DB(storage)
    connection = database.open()
    blob = Blob(arguments[1].encode())
    connection.root()[arguments[0]] = blob
    transaction.commit()
    print(blob._p_oid.hex(), storage.lastTransaction().hex())
    database.close()
else:
    oid, tid = (bytes.fromhex(argument.removeprefix('0x')) for argument in arguments)
    with storage.openCommittedBlobFile(oid, tid) as f:
        print(f.read().decode())
    storage.close()
