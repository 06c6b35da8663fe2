#
# Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
# Licensed under the Apache License, Version 2.0; see LICENSE.
# SPDX-License-Identifier: Apache-2.0
"""Changes BTrees at the same time as others do, and checks what has become of them.

btree_writers.py make PORT                 puts an OOBTree, an IITreeSet and a Length into the root
btree_writers.py write PORT WRITER COUNT   adds COUNT keys of WRITER's, each in a transaction of its own
btree_writers.py check PORT KEYS           the trees are sound, and have so many keys, as the length says
"""

import sys

import BTrees.check
import transaction
import ZODB
from BTrees.IIBTree import IITreeSet
from BTrees.Length import Length
from BTrees.OOBTree import OOBTree
from ZEO.ClientStorage import ClientStorage
from ZEO.Exceptions import ServerException
from ZODB.POSException import ConflictError

# Keys of all writers lie side by side, so that they meet in the same buckets.
WRITERS = 8


def write(connection, writer, count):
    root, lost = connection.root(), 0
    for step in range(count):
        while True:
            try:
                transaction.begin()
                number = step * WRITERS + writer
                root["tree"][f"{number:06}"] = writer
                root["set"].insert(number)
                root["length"].change(1)
                if step % 3 == 2:
                    # Another one of one's own goes.
                    del root["tree"][f"{number - WRITERS:06}"]
                    root["set"].remove(number - WRITERS)
                    root["length"].change(-1)
                transaction.commit()
                break
            except (ConflictError, ServerException):
                # The second is how a commit ends at Python's server when its client has resolved conflicts nine times and
                # others were first each time: "finished called wo lock".
                transaction.abort()
                lost += 1
    print(f"wrote {count}, lost {lost}")


def check(connection, keys):
    root = connection.root()
    for name in "tree", "set":
        root[name]._check()
        BTrees.check.check(root[name])
    assert len(root["tree"]) == len(root["set"]) == root["length"]() == keys, (
        len(root["tree"]),
        len(root["set"]),
        root["length"](),
        keys,
    )
    assert [int(key) for key in root["tree"]] == list(root["set"])
    print(f"checked {keys}")


def main():
    job, port, *arguments = sys.argv[1:]
    database = ZODB.DB(ClientStorage(("127.0.0.1", int(port)), wait_timeout=30))
    connection = database.open()
    if job == "make":
        connection.root().update(tree=OOBTree(), set=IITreeSet(), length=Length())
        transaction.commit()
    elif job == "write":
        write(connection, *map(int, arguments))
    else:
        check(connection, *map(int, arguments))
    transaction.abort()
    connection.close()
    database.close()


if __name__ == "__main__":
    main()
