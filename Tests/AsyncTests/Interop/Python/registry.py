"""registry.py make ZOOKEEPER PATH   creates PATH with its parents
registry.py show ZOOKEEPER PATH   prints `NAME OWNER JSON` for each child of PATH: OWNER is its session, 0 if none
"""
import sys

import kazoo.client


def main(command, connection_string, path):
    client = kazoo.client.KazooClient(connection_string)
    client.start()
    try:
        if command == "make":
            client.ensure_path(path)
            return
        for name in sorted(client.get_children(path)):
            data, stat = client.get(f"{path}/{name}")
            print(name, stat.ephemeralOwner, data.decode())
    finally:
        client.stop()
        client.close()


main(*sys.argv[1:])
