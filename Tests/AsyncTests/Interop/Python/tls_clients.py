"""Connects with Python's client over TLS: tls_clients.py PORT DIRECTORY NAME=serves|refused …

Each client shows the certificate NAME (none for "nobody"), and has to commit or to be refused. All do so at once.
"""
import logging
import os
import ssl
import sys
import threading

import ZEO
import ZODB
from ZEO.Exceptions import ClientDisconnected

port, directory, *clients = sys.argv[1:]
logging.disable(logging.CRITICAL)
faults = []
lock = threading.Lock()


def run(name, expected):
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=os.path.join(directory, 'ca.pem'))
    if name != 'nobody':
        path = os.path.join(directory, name)
        context.load_cert_chain(path + '.pem', path + '.key')
    try:
        storage = ZEO.client(('127.0.0.1', int(port)), ssl=context, ssl_server_hostname='localhost',
                             wait_timeout=20 if expected == 'serves' else 1)
    except ClientDisconnected:
        actual = 'refused'
    else:
        # Only one of them may make the root object.
        with lock:
            db = ZODB.DB(storage)
            with db.transaction(name) as connection:
                connection.root()[name] = name
            db.close()
        actual = 'serves'
    if actual != expected:
        faults.append('%s: %s' % (name, actual))


threads = [threading.Thread(target=run, args=client.split('=')) for client in clients]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
sys.exit('\n'.join(faults) or 0)
