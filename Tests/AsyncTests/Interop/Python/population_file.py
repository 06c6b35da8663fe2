"""population_file.py make|check FILE COUNT SEED [GENERATION]: a population in a FileStorage of Python's own."""
import sys

import ZODB
import ZODB.FileStorage
import ZODB.scripts.fstest

import population


def main(command, path, count, seed, generation="0"):
    if command == "check":
        # fstest ends quietly or raises
        ZODB.scripts.fstest.check(path)
    storage = ZODB.FileStorage.FileStorage(path, create=command == "make")
    db = ZODB.DB(storage)
    connection = db.open()
    if command == "make":
        population.make(connection, int(count), seed)
    else:
        print("checked", population.check(connection, int(count), seed, int(generation)))
    db.close()


main(*sys.argv[1:])
