"""A ledger of commits that a client saw finished, for tests that kill the server.

ledger.py write HOST PORT WRITERS   commits with WRITERS threads until the server is gone; prints `N I` for every
                                    commit that finished: writer N has stored the number I
ledger.py check FILE WRITERS        prints `N I` for what a FileStorage of Python's holds; fstest finds no fault
"""
import sys
import threading

import transaction
import ZEO
import ZODB
import ZODB.FileStorage
import ZODB.scripts.fstest

import persistent.mapping


def prepare(db, writers):
    with db.transaction() as connection:
        for writer in range(writers):
            if f"writer-{writer}" not in connection.root():
                connection.root()[f"writer-{writer}"] = persistent.mapping.PersistentMapping(last=0)


def write(db, writer):
    manager = transaction.TransactionManager()
    connection = db.open(manager)
    mapping = connection.root()[f"writer-{writer}"]
    try:
        while True:
            number = mapping["last"] + 1
            mapping["last"] = number
            mapping[f"entry-{number % 50}"] = persistent.mapping.PersistentMapping({"number": number, "fill": "x" * 300})
            manager.commit()
            sys.stdout.write(f"{writer} {number}\n")
            sys.stdout.flush()
    except Exception as error:
        sys.stdout.write(f"ended {writer} {type(error).__name__}\n")
        sys.stdout.flush()


def main(command, *arguments):
    if command == "write":
        host, port, writers = arguments
        db = ZEO.DB((host, int(port)), wait_timeout=3)
        prepare(db, int(writers))
        threads = [threading.Thread(target=write, args=(db, n), daemon=True) for n in range(int(writers))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    else:
        path, writers = arguments
        db = ZODB.DB(ZODB.FileStorage.FileStorage(path))
        connection = db.open()
        for writer in range(int(writers)):
            mapping = connection.root()[f"writer-{writer}"]
            last = mapping["last"]
            for number in range(max(1, last - 49), last + 1):
                assert mapping[f"entry-{number % 50}"]["number"] == number
            print(writer, last)
        db.close()
        ZODB.scripts.fstest.check(path)


main(*sys.argv[1:])
