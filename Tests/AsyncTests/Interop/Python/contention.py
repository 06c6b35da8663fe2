#
# Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
# Licensed under the Apache License, Version 2.0; see LICENSE.
# SPDX-License-Identifier: Apache-2.0
"""Has several clients, each in a process of its own, change one object at once, which only its class can merge.

contention.py PORT CLIENTS COMMITS   each client commits COMMITS times; prints "COMMITS LOST VALUE"
"""

import collections
import logging
import os
import sys

import transaction
import ZODB
from persistent import Persistent
from ZEO.ClientStorage import ClientStorage


class Counter(Persistent):
    value = 0

    def _p_resolveConflict(self, old, committed, new):
        return {"value": committed["value"] + new["value"] - old.get("value", 0)}


def database(port):
    return ZODB.DB(ClientStorage(("127.0.0.1", port), wait_timeout=30))


def work(port, commits):
    """Commits so many times, and returns how often a commit failed, by kind of failure."""
    database_ = database(port)
    manager = transaction.TransactionManager()
    counter = database_.open(manager).root()["counter"]
    lost = collections.Counter()
    for _ in range(commits):
        while True:
            try:
                manager.begin()
                counter.value += 1
                manager.commit()
                break
            except Exception as error:
                manager.abort()
                lost[f"{type(error).__name__}: {str(error)[:60]}"] += 1
    database_.close()
    return lost


def main():
    logging.disable(logging.CRITICAL)
    port, clients, commits = map(int, sys.argv[1:])
    pipes = []
    starting, started = os.pipe()
    for _ in range(clients):
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.close(reader)
            os.close(started)
            status = 1
            try:
                # Everybody starts at the same time, when the counter is there.
                os.read(starting, 1)
                lost = work(port, commits)
                os.write(writer, repr(dict(lost)).encode())
                status = 0
            finally:
                os._exit(status)
        os.close(writer)
        pipes.append(reader)
    database_ = database(port)
    with database_.transaction() as connection:
        connection.root()["counter"] = Counter()
        connection.root()["counter"].value = 0
    os.close(started)
    lost = collections.Counter()
    for pipe in pipes:
        with os.fdopen(pipe) as stream:
            lost.update(eval(stream.read() or "{'a client died': 1}"))
    with database_.transaction() as connection:
        value = connection.root()["counter"].value
    database_.close()
    for kind, count in lost.items():
        print(count, kind)
    print(clients * commits, sum(lost.values()), value)


main()
