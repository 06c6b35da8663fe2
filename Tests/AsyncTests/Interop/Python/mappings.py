"""mappings.py write HOST:PORT     fills the root with every kind of plain value, in nested mappings, too
mappings.py check HOST:PORT     checks that Swift has copied `python` to `swift` faithfully, objects of its own included
mappings.py change HOST:PORT KEY VALUE   sets a number in the root, as another client
mappings.py counter HOST:PORT TIMES      adds 1 to root["counter"] so often, each in a transaction of its own
"""
import sys

import ZEO
import transaction
import ZODB.POSException
from persistent.mapping import PersistentMapping


def plain():
    return {
        "none": None,
        "true": True,
        "false": False,
        "zero": 0,
        "small": -7,
        "long": 2**63 - 1,
        "big": 2**64,
        "huge": -(3**200),
        "float": 2.5,
        "infinity": float("inf"),
        "text": "na\u00efve \U0001f41f",
        "empty": "",
        "bytes": b"\x00\xff",
        "many bytes": bytes(range(256)) * 3,
        "tuple": (1, ("two", None), ()),
        "list": [1, [2.0, [b"three"]], []],
        "dict": {"a": {1: "one", (2, 3): [4]}, None: False},
    }


def open_database(address):
    host, port = address.rsplit(":", 1)
    return ZEO.DB((host, int(port)), wait_timeout=30)


def write(connection):
    root = connection.root()
    root["python"] = PersistentMapping(plain())
    root["python"]["deeper"] = PersistentMapping({"key": PersistentMapping({"leaf": "green"})})
    root["python"]["list of objects"] = [root["python"]["deeper"], PersistentMapping(n=2**70)]
    root["python"]["itself"] = root["python"]
    root["python"].attribute = {1, 2, 3}
    transaction.get().note("written by Python")
    transaction.commit()


def equal(one, other):
    assert type(one) is type(other), (one, other)
    assert one == other, (one, other)


def check(connection):
    root = connection.root()
    copy = root["swift"]
    assert type(copy) is PersistentMapping
    assert list(copy)[: len(plain())] == list(plain()), list(copy)
    for key, value in plain().items():
        equal(copy[key], value)
        equal(root["python"][key], value)
    assert copy["deeper"]["key"]["leaf"] == "green"
    assert copy["list of objects"][0] is copy["deeper"]
    assert copy["list of objects"][1]["n"] == 2**70
    assert copy["shared"] is root["python"]["deeper"]
    assert root["python"]["itself"] is root["python"]
    assert root["python"].attribute == {1, 2, 3}
    assert root["python"]["changed by Swift"] == "yes"
    assert copy["deeper"]._p_oid not in (None, root["python"]["deeper"]._p_oid)
    print("checked")


def counter(connection, times):
    done = conflicts = 0
    while done < times:
        transaction.begin()
        connection.root()["counter"] = connection.root().get("counter", 0) + 1
        try:
            transaction.commit()
            done += 1
        except ZODB.POSException.ConflictError:
            transaction.abort()
            conflicts += 1
    print("counted", done, "conflicts", conflicts)


def main(command, address, *arguments):
    db = open_database(address)
    connection = db.open()
    print("protocol", db.storage.protocol_version.decode(), flush=True)
    if command == "write":
        write(connection)
    elif command == "check":
        check(connection)
    elif command == "change":
        connection.root()[arguments[0]] = int(arguments[1])
        transaction.commit()
    elif command == "counter":
        counter(connection, int(arguments[0]))
    connection.close()
    db.close()


main(*sys.argv[1:])
