#
# Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
# Licensed under the Apache License, Version 2.0; see LICENSE.
# SPDX-License-Identifier: Apache-2.0
"""Runs the behaviours of zk_behaviours.json with kazoo, and prints a line for each: its name, and what came of its steps.

    zk_behaviour.py HOST:PORT [NAME ...]

The head of zk_behaviours.json tells what steps and results are. Paths go to the server as they are written, past kazoo's own checks.
"""
import json
import logging
import os
import socket

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from kazoo.client import KazooClient
from kazoo.exceptions import AuthFailedError, ConnectionLoss, KazooException, ZookeeperError
from kazoo.protocol import serialization as wire
from kazoo.protocol.states import Callback, KazooState
from kazoo.retry import KazooRetry
from kazoo.security import ACL, Id

CODES = {
    0: "OK", -2: "RUNTIMEINCONSISTENCY", -4: "CONNECTIONLOSS", -5: "MARSHALLING", -6: "UNIMPLEMENTED",
    -8: "BADARGUMENTS", -101: "NONODE", -102: "NOAUTH", -103: "BADVERSION", -108: "NOCHILDRENFOREPHEMERALS",
    -110: "NODEEXISTS", -111: "NOTEMPTY", -112: "SESSIONEXPIRED", -113: "INVALIDCALLBACK", -114: "INVALIDACL",
    -115: "AUTHFAILED",
}
MODES = {"persistent": 0, "ephemeral": 1, "sequential": 2, "ephemeral_sequential": 3, "container": 4}
PERMISSIONS = "rwcda"
OPEN_ACL = [["rwcda", "world", "anyone"]]
EVENTS = {"CREATED": "created", "DELETED": "deleted", "CHANGED": "changed", "CHILD": "child"}
PATIENCE = 10


class CreateContainer(wire.Create2):
    """What kazoo has no operation for."""

    type = 19


class Proxy:
    """A TCP proxy on a port of its own, whose connections can be cut."""

    def __init__(self, host, port):
        self.target = (host, port)
        self.lock = threading.Lock()
        self.pairs = []
        self.is_open = True
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                if not self.is_open:
                    client.close()
                    continue
                server = socket.create_connection(self.target)
                for each in (client, server):
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.pairs.append((client, server))
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self.copy, args=(source, sink), daemon=True).start()

    def copy(self, source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for each in (source, sink):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self, for_good):
        with self.lock:
            self.is_open = not for_good
            pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for each in pair:
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                each.close()

    def heal(self):
        with self.lock:
            self.is_open = True

    def close(self):
        self.listener.close()
        self.cut(True)


class Client:
    """A kazoo client behind a proxy, and the watch events that it has had."""

    def __init__(self, address, timeout=10000):
        host, port = address.rsplit(":", 1)
        self.proxy = Proxy(host, int(port))
        self.events = []
        self.connections = 0
        self.changed = threading.Condition()
        self.kazoo = KazooClient(
            f"127.0.0.1:{self.proxy.port}",
            timeout=timeout / 1000,
            connection_retry=KazooRetry(max_tries=-1, delay=0.05, max_delay=0.1, backoff=1),
        )
        self.kazoo.add_listener(self.state_changed)
        self.kazoo.start()
        self.session = self.kazoo.client_id[0]

    def state_changed(self, state):
        if state == KazooState.CONNECTED:
            with self.changed:
                self.connections += 1
                self.changed.notify_all()

    def reconnected(self, connections):
        with self.changed:
            if not self.changed.wait_for(lambda: self.connections > connections, PATIENCE):
                return "not connected"
        same = self.kazoo.client_id[0] == self.session
        self.session = self.kazoo.client_id[0]
        return "same session" if same else "new session"

    def call(self, request):
        result = self.kazoo.handler.async_result()
        self.kazoo._call(request, result)
        return result.get(timeout=PATIENCE)

    def watcher(self, options):
        if not options.get("watch"):
            return None

        # One for each registration: kazoo would take two equal ones for one.
        def watcher(event):
            if event.type in EVENTS:
                with self.changed:
                    self.events.append((EVENTS[event.type], event.path))
                    self.changed.notify_all()

        return watcher

    def settle(self):
        """Makes sure that every event that the server has sent has arrived."""
        self.call(wire.Exists("/", None))
        done = threading.Event()
        self.kazoo.handler.dispatch_callback(Callback("watch", done.set, ()))
        done.wait(PATIENCE)

    def close(self):
        try:
            self.kazoo.stop()
            self.kazoo.close()
        finally:
            self.proxy.close()


class Behaviour:
    def __init__(self, address, name, steps):
        self.address = address
        self.name = name
        self.root = "/" + name
        self.steps = steps
        self.clients = {}
        self.sessions = {}
        self.stats = []

    def run(self):
        keeper = Client(self.address)
        try:
            keeper.call(wire.Create(self.root, b"", acl(OPEN_ACL), 0))
            results = [self.result(*step) for step in self.steps]
        finally:
            for client in self.clients.values():
                client.close()
            keeper.close()
        line = f"{self.name}: " + " | ".join(results)
        ranks = {zxid: rank + 1 for rank, zxid in enumerate(sorted(set(sum(self.stats, []))))}
        for index, zxids in enumerate(self.stats):
            line = line.replace(f"<{index}>", ",".join(str(ranks[zxid]) for zxid in zxids))
        return line

    def client(self, name, **options):
        if name not in self.clients:
            self.clients[name] = Client(self.address, **options)
            self.sessions[self.clients[name].session] = name
        return self.clients[name]

    def result(self, name, operation, *arguments):
        if operation == "open":
            self.client(name, **arguments[0])
            return "ok"
        try:
            return getattr(self, operation)(self.client(name), *arguments)
        except ZookeeperError as error:
            return CODES.get(error.code, str(error.code))
        except (KazooException, self.client(name).kazoo.handler.timeout_exception) as error:
            return type(error).__name__

    # Texts

    def path(self, path):
        return path.replace("~", self.root, 1)

    def short(self, path):
        return path.replace(self.root, "~", 1)

    def stat(self, stat):
        owner = "-" if stat.ephemeralOwner == 0 else self.sessions.get(stat.ephemeralOwner, "?")
        self.stats.append([stat.czxid, stat.mzxid, stat.pzxid])
        return (
            f"v={stat.version} cv={stat.cversion} av={stat.aversion} owner={owner} len={stat.dataLength}"
            f" kids={stat.numChildren} zxids=<{len(self.stats) - 1}>"
        )

    # Operations

    def create_request(self, path, data, options=None):
        options = options or {}
        kind = wire.Create2 if options.get("stat") else wire.Create
        if options.get("mode") == "container":
            kind = CreateContainer
        mode = MODES[options.get("mode", "persistent")]
        return kind(self.path(path), encoded(data), acl(options.get("acl", OPEN_ACL)), mode)

    def created(self, answer):
        if isinstance(answer, tuple):
            return self.short(answer[0]) + " " + self.stat(answer[1])
        return self.short(answer)

    def create(self, client, path, data, options=None):
        return self.created(client.call(self.create_request(path, data, options)))

    def delete(self, client, path, version=-1):
        client.call(wire.Delete(self.path(path), version))
        return "ok"

    def exists(self, client, path, options={}):
        stat = client.call(wire.Exists(self.path(path), client.watcher(options)))
        return "none" if stat is None else self.stat(stat)

    def get(self, client, path, options={}):
        data, stat = client.call(wire.GetData(self.path(path), client.watcher(options)))
        return shown(data) + " " + self.stat(stat)

    def set(self, client, path, data, version=-1):
        return self.stat(client.call(wire.SetData(self.path(path), encoded(data), version)))

    def children(self, client, path, options={}):
        kind = wire.GetChildren2 if options.get("stat") else wire.GetChildren
        answer = client.call(kind(self.path(path), client.watcher(options)))
        names, stat = answer if options.get("stat") else (answer, None)
        text = "[" + ", ".join(sorted(names)) + "]"
        return text if stat is None else text + " " + self.stat(stat)

    def get_acl(self, client, path):
        entries, stat = client.call(wire.GetACL(self.path(path)))
        texts = [
            "".join(letter for bit, letter in enumerate(PERMISSIONS) if entry.perms >> bit & 1)
            + f" {entry.id.scheme}:{entry.id.id}"
            for entry in entries
        ]
        return "[" + ", ".join(texts) + "] " + self.stat(stat)

    def set_acl(self, client, path, entries, version):
        return self.stat(client.call(wire.SetACL(self.path(path), acl(entries), version)))

    def sync(self, client, path):
        return self.short(client.call(wire.Sync(self.path(path))))

    def auth(self, client, scheme, credential):
        try:
            client.kazoo.add_auth(scheme, credential)
        except (AuthFailedError, ConnectionLoss):
            return "AUTHFAILED"
        return "ok"

    def multi(self, client, operations):
        requests = []
        for kind, *arguments in operations:
            if kind == "create":
                requests.append(self.create_request(*arguments))
            elif kind == "delete":
                requests.append(wire.Delete(self.path(arguments[0]), arguments[1]))
            elif kind == "set":
                requests.append(wire.SetData(self.path(arguments[0]), encoded(arguments[1]), arguments[2]))
            else:
                requests.append(wire.CheckVersion(self.path(arguments[0]), arguments[1]))
        texts = []
        for answer in client.call(wire.Transaction(requests)):
            if isinstance(answer, Exception):
                texts.append(CODES.get(answer.code, str(answer.code)))
            elif answer is True:
                texts.append("ok")
            elif isinstance(answer, str):
                texts.append(self.created(answer))
            else:
                texts.append(self.stat(answer))
        return "[" + ", ".join(texts) + "]"

    def events(self, client):
        client.settle()
        with client.changed:
            events, client.events = client.events, []
        return "[" + ", ".join(f"{kind} {self.short(path)}" for kind, path in events) + "]"

    def wait_events(self, client, count):
        with client.changed:
            client.changed.wait_for(lambda: len(client.events) >= count, PATIENCE)
        return self.events(client)

    def close(self, client):
        client.close()
        return "ok"

    def drop(self, client):
        connections = client.connections
        client.proxy.cut(for_good=False)
        return client.reconnected(connections)

    def cut(self, client):
        client.connections_before = client.connections
        client.proxy.cut(for_good=True)
        return "ok"

    def heal(self, client):
        client.proxy.heal()
        return client.reconnected(client.connections_before)

    def wait_gone(self, client, path):
        deadline = time.monotonic() + PATIENCE
        while client.call(wire.Exists(self.path(path), None)) is not None:
            if time.monotonic() > deadline:
                return "still there"
            time.sleep(0.05)
        return "ok"


def acl(entries):
    return [
        ACL(sum(1 << PERMISSIONS.index(letter) for letter in permissions), Id(scheme, id))
        for permissions, scheme, id in entries
    ]


def encoded(text):
    return None if text is None else text.encode()


def shown(data):
    return json.dumps(None if data is None else data.decode(), ensure_ascii=False)


def main(address, *names):
    logging.disable(logging.CRITICAL)
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "zk_behaviours.json"), encoding="utf-8") as file:
        table = json.load(file)["behaviours"]
    chosen = [each for each in table if not names or each["name"] in names]

    def run(each):
        try:
            return Behaviour(address, each["name"], each["steps"]).run()
        except Exception as error:
            return f"{each['name']}: {type(error).__name__}: {error}"

    # Behaviours do not touch one another; most of their time is waiting.
    with ThreadPoolExecutor(8) as pool:
        for line in pool.map(run, chosen):
            print(line, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
