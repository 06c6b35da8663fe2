#
# Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
# Licensed under the Apache License, Version 2.0; see LICENSE.
# SPDX-License-Identifier: Apache-2.0
"""A ledger of what a client saw finished, for tests that kill the server.

ledger.py write HOST PORT BLOBS UNDONE...   looks whether everything is there that was finished before, then commits,
                                            undoes and packs until the server is gone, with one thread for each UNDONE:
                                            the last number that its writer has seen undone. Prints, when it is
                                            finished:
                                                stored N I   writer N has stored the number I, and every third time a
                                                             blob with it
                                                undone N I   writer N has taken its mark with the number I back
                                                packed       the storage has been packed
ledger.py check FILE BLOBS UNDONE...        looks whether everything is there in a FileStorage of Python's, prints
                                            `N I` for what each writer has stored; fstest finds no fault
"""
import base64
import sys
import threading

import persistent.mapping
import transaction
import ZEO
import ZODB
import ZODB.blob
import ZODB.FileStorage
import ZODB.POSException
import ZODB.scripts.fstest


def say(*words):
    sys.stdout.write(' '.join(map(str, words)) + '\n')
    sys.stdout.flush()


def contents(writer, number):
    return b'%d %d\n' % (writer, number) * 200


def verify(root, writer, undone):
    """What writer has stored; an error where a part of it is missing."""
    mapping = root[f'writer-{writer}']
    last = mapping['last']
    for number in range(max(1, last - 49), last + 1):
        found = mapping[f'entry-{number % 50}']['number']
        assert found == number, (writer, number, found)
    with mapping['blob'].open() as file:
        assert file.read() == contents(writer, last - last % 3), (writer, last)
    mark = root[f'mark-{writer}']['number']
    assert mark == 0 or mark > undone, (writer, mark, undone)
    return last


def put_blob(mapping, writer, number):
    mapping['blob'] = ZODB.blob.Blob(contents(writer, number))


def prepare(db, undone):
    with db.transaction() as connection:
        root = connection.root()
        for writer, number in enumerate(undone):
            if f'writer-{writer}' not in root:
                mapping = root[f'writer-{writer}'] = persistent.mapping.PersistentMapping(last=0)
                put_blob(mapping, writer, 0)
                root[f'mark-{writer}'] = persistent.mapping.PersistentMapping(number=0)
            verify(root, writer, number)
            # What was not taken back must not come back when a later one is.
            root[f'mark-{writer}']['number'] = 0


def undo(db, manager, connection, writer, number):
    mark = connection.root()[f'mark-{writer}']
    mark['number'] = number
    manager.commit()
    try:
        db.undo(base64.b64encode(mark._p_serial), manager.get())
        manager.commit()
    except ZODB.POSException.UndoError:
        # A pack was quicker.
        manager.abort()
        mark['number'] = 0
        manager.commit()
    manager.begin()
    assert mark['number'] == 0, mark['number']
    say('undone', writer, number)


def write(db, writer):
    manager = transaction.TransactionManager()
    connection = db.open(manager)
    mapping = connection.root()[f'writer-{writer}']
    try:
        while True:
            number = mapping['last'] + 1
            mapping['last'] = number
            mapping[f'entry-{number % 50}'] = persistent.mapping.PersistentMapping({'number': number, 'fill': 'x' * 300})
            if number % 3 == 0:
                put_blob(mapping, writer, number)
            manager.commit()
            say('stored', writer, number)
            if number % 5 == 0:
                undo(db, manager, connection, writer, number)
    except Exception as error:
        say('ended', writer, type(error).__name__, error)


def pack(db):
    try:
        while True:
            db.pack()
            say('packed')
    except Exception as error:
        say('ended', 'pack', type(error).__name__, error)


def main(command, *arguments):
    if command == 'write':
        host, port, blobs, *undone = arguments
        db = ZEO.DB((host, int(port)), wait_timeout=3, blob_dir=blobs)
        prepare(db, [int(number) for number in undone])
        threads = [threading.Thread(target=write, args=(db, n), daemon=True) for n in range(len(undone))]
        threads.append(threading.Thread(target=pack, args=(db,), daemon=True))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    else:
        path, blobs, *undone = arguments
        db = ZODB.DB(ZODB.FileStorage.FileStorage(path, blob_dir=blobs))
        connection = db.open()
        for writer, number in enumerate(undone):
            print(writer, verify(connection.root(), writer, int(number)))
        db.close()
        ZODB.scripts.fstest.check(path)


main(*sys.argv[1:])
