#
# Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
# Licensed under the Apache License, Version 2.0; see LICENSE.
# SPDX-License-Identifier: Apache-2.0
"""Reads the guest book with Python, and perhaps writes into it: the same objects, no conversion.

    guestbook.py ZOOKEEPER PATH [NAME TEXT]
"""
import datetime
import sys

import ZEO
import ZODB
from kazoo.client import KazooClient
from persistent.mapping import PersistentMapping


def address(zookeeper, path):
    """The address of a server that is registered at the path."""
    client = KazooClient(zookeeper)
    client.start()
    try:
        host, port = client.get_children(path)[0].rsplit(':', 1)
        return host, int(port)
    finally:
        client.stop()
        client.close()


def main(zookeeper, path, *entry):
    db = ZODB.DB(ZEO.client(address(zookeeper, path)))
    with db.transaction() as connection:
        book = connection.root().setdefault('guestbook', PersistentMapping())
        if entry:
            name, text = entry
            written = datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')
            book[len(book) + 1] = {'name': name, 'text': text, 'written': written}
        for number, said in book.items():
            print(f"{number}. {said['name']}: {said['text']}")
    db.close()


if __name__ == '__main__':
    main(*sys.argv[1:])
