# Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
# Licensed under the Apache License, Version 2.0; see LICENSE.
# SPDX-License-Identifier: Apache-2.0
"""A Python application that knows nothing but a unix socket.

fan_out.py SOCKET follow           prints root["value"], and again whenever it changes, until it is ended
fan_out.py SOCKET set VALUE        changes it
fan_out.py SOCKET count NUMBER     adds one to each of two numbers, in opposite directions, so often
fan_out.py SOCKET set-blob TEXT    keeps a blob, and reads it back
fan_out.py SOCKET get-blob         prints it
"""

import sys
import tempfile
import time

import transaction
import ZODB
from ZEO.ClientStorage import ClientStorage
from ZODB.blob import Blob
from ZODB.POSException import ConflictError

path, command, *arguments = sys.argv[1:]
blobs = tempfile.TemporaryDirectory() if command.endswith("blob") else None
storage = ClientStorage(path, wait_timeout=30, blob_dir=blobs and blobs.name)
database = ZODB.DB(storage)
connection = database.open()
root = connection.root()

if command == "follow":
    last = "nothing yet"
    while True:
        try:
            connection.sync()
            value = root.get("value")
            if value != last:
                print("value", value, flush=True)
                last = value
        except Exception as error:  # While the storage behind is out of reach.
            print("waits:", type(error).__name__, flush=True)
        time.sleep(0.05)
elif command == "set":
    root["value"] = arguments[0]
    transaction.commit()
elif command == "count":
    for key in "up", "down":
        root.setdefault(key, 0)
    transaction.commit()
    done = 0
    while done < int(arguments[0]):
        try:
            root["up"] += 1
            root["down"] -= 1
            transaction.commit()
            done += 1
        except ConflictError:
            transaction.abort()
        assert root["up"] + root["down"] == 0, "half a transaction"
elif command == "set-blob":
    root["blob"] = Blob(arguments[0].encode() * 50000)
    transaction.commit()
    with root["blob"].open() as file:
        assert file.read() == arguments[0].encode() * 50000
elif command == "get-blob":
    with root["blob"].open() as file:
        text = file.read().decode()
    word = text[: len(text) // 50000]
    assert text == word * 50000
    print("blob", word)
database.close()
