"""population_additions.py FILE: checks the objects that Swift has added to a population beside those that Python made."""
import sys

import ZODB
import ZODB.FileStorage
from persistent.mapping import PersistentMapping


def main(path):
    db = ZODB.DB(ZODB.FileStorage.FileStorage(path, read_only=True))
    connection = db.open()
    root = connection.root()
    house = root["house"]
    assert type(house) is PersistentMapping, type(house)
    # The attic has been removed.
    assert list(house) == ["floors", "cellar", "kitchen", "friends"], list(house)
    assert house["floors"] == 2
    assert type(house["kitchen"]) is PersistentMapping
    table = house["kitchen"]["table"]
    assert type(table) is PersistentMapping
    assert dict(table) == {"legs": 4, "plates": (b"\x00\xff", 2**100, -1.5)}, dict(table)
    # One object that is referred to twice, and one of Python's own.
    assert house["cellar"]["spare table"] is table
    assert house["friends"] == [root["group-0000"]["1"], table], house["friends"]
    assert house["friends"][0] is root["index"][1]
    assert len({item._p_oid for item in (house, house["kitchen"], house["cellar"], table)}) == 4
    # What was reachable through the attic alone is garbage, but was stored in its time.
    box = connection.get(root["last seen"])
    assert dict(box) == {"dust": True}, dict(box)
    db.close()
    print("checked the additions")


main(*sys.argv[1:])
