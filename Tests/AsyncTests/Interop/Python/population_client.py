"""population_client.py ZOOKEEPER PATH COUNT SEED GENERATION: an unmodified ZEO client that finds its server itself.

Checks the population in the generation before, brings it into GENERATION, and checks it again with an empty cache.
"""
import sys

import kazoo.client
import ZEO

import population


def addresses(connection_string, path):
    client = kazoo.client.KazooClient(connection_string)
    client.start()
    try:
        names = client.get_children(path)
        return [(name.rsplit(":", 1)[0], int(name.rsplit(":", 1)[1])) for name in names]
    finally:
        client.stop()
        client.close()


def main(connection_string, path, count, seed, generation):
    found = addresses(connection_string, path)
    assert len(found) == 1, found
    for step in ("before", "after"):
        db = ZEO.DB(found, wait_timeout=30)
        connection = db.open()
        if step == "before":
            population.check(connection, int(count), seed, int(generation) - 1)
            population.change(connection, int(count), seed, int(generation))
            print("protocol", db.storage.protocol_version)
        else:
            print("checked", population.check(connection, int(count), seed, int(generation)))
        connection.close()
        db.close()


main(*sys.argv[1:])
