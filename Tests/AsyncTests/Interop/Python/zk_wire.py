#
# Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
# Licensed under the Apache License, Version 2.0; see LICENSE.
# SPDX-License-Identifier: Apache-2.0
"""Talks to a ZooKeeper server byte by byte, and prints a line for each conversation: its name, and what came back.

    zk_wire.py HOST:PORT [NAME ...]

For what no client library lets one see: lengths, headers, the order of replies and events, what closes a connection. The server is expected
to clamp session timeouts to 400 ms ... 60 s. Whatever differs from run to run (ids, zxids, times) is shown by its relations only.
"""
import socket
import struct
import sys
import time
from concurrent.futures import ThreadPoolExecutor

OPEN = [(31, "world", "anyone")]
PATIENCE = 10
CONVERSATIONS = []


def conversation(function):
    CONVERSATIONS.append((function.__name__.replace("_", "-"), function))
    return function


# Encoding


def string(text):
    if text is None:
        return struct.pack("!i", -1)
    data = text if isinstance(text, bytes) else text.encode()
    return struct.pack("!i", len(data)) + data


def vector(items):
    return struct.pack("!i", len(items)) + b"".join(items)


def acl(entries):
    return vector([struct.pack("!i", perms) + string(scheme) + string(id) for perms, scheme, id in entries])


def create(path, data=b"", mode=0, entries=OPEN, ttl=None):
    tail = b"" if ttl is None else struct.pack("!q", ttl)
    return string(path) + string(data) + acl(entries) + struct.pack("!i", mode) + tail


def watched(path, watch=True):
    return string(path) + bytes([watch])


def versioned(path, version=-1):
    return string(path) + struct.pack("!i", version)


def setting(path, data, version=-1):
    return string(path) + string(data) + struct.pack("!i", version)


def multi(*parts):
    headers = b"".join(struct.pack("!iBi", code, 0, -1) + body for code, body in parts)
    return headers + struct.pack("!iBi", -1, 1, -1)


def renewal(zxid, *lists):
    return struct.pack("!q", zxid) + b"".join(vector([string(path) for path in paths]) for paths in lists)


class Closed(Exception):
    pass


class Wire:
    """A connection; with a session unless told otherwise."""

    def __init__(self, address, greet=True, **options):
        host, port = address.rsplit(":", 1)
        self.address = address
        self.socket = socket.create_connection((host, int(port)), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.xid = 0
        if greet:
            self.greet(**options)

    def greet(self, timeout=10000, session=0, password=bytes(16), zxid=0, read_only=b"\0"):
        self.send(struct.pack("!iqiq", 0, zxid, timeout, session) + string(password) + read_only)
        self.welcome = self.frame()
        self.timeout, self.session = struct.unpack_from("!iq", self.welcome, 4)
        self.password = self.welcome[20:36]

    def send(self, frame):
        self.socket.sendall(struct.pack("!i", len(frame)) + frame)

    def bytes(self, count):
        data = b""
        while len(data) < count:
            try:
                chunk = self.socket.recv(count - len(data))
            except ConnectionError:
                chunk = b""
            if not chunk:
                raise Closed
            data += chunk
        return data

    def frame(self):
        (length,) = struct.unpack("!i", self.bytes(4))
        return self.bytes(length)

    def request(self, code, body=b"", xid=None):
        if xid is None:
            self.xid += 1
            xid = self.xid
        self.send(struct.pack("!ii", xid, code) + body)
        return xid

    def reply(self):
        frame = self.frame()
        return struct.unpack_from("!iqi", frame), frame[16:]

    def call(self, code, body=b"", xid=None):
        """The error and the body of the reply; events before it are dropped."""
        xid = self.request(code, body, xid)
        while True:
            (got, zxid, error), rest = self.reply()
            if got == xid:
                self.zxid = zxid
                return error, rest

    def story(self, code, body=b"", xid=None):
        """What comes until the reply to a request and with it: events by kind and path, the reply by its error and length."""
        xid = self.request(code, body, xid)
        texts = []
        while True:
            (got, zxid, error), rest = self.reply()
            if got == xid:
                return ", ".join(texts + [f"reply {error} +{len(rest)}"])
            texts.append(event(got, zxid, error, rest))

    def events(self):
        """What a round trip brings."""
        return self.story(11, xid=-2).replace("reply 0 +0", "pong")

    def ended(self):
        """Whether the server closes the connection, whatever it says before."""
        try:
            while True:
                self.bytes(1)
        except Closed:
            return "closed"
        except TimeoutError:
            return "open"

    def alive(self):
        try:
            self.call(11, xid=-2)
            return "alive"
        except Closed:
            return "closed"

    def close(self):
        self.socket.close()


def event(xid, zxid, error, rest):
    kind, state = struct.unpack_from("!ii", rest)
    name = {1: "created", 2: "deleted", 3: "changed", 4: "child"}.get(kind, str(kind))
    odd = "" if (xid, zxid, error, state) == (-1, -1, 0, 3) else f" {xid} {zxid} {error} {state}"
    return f"{name} {rest[12:].decode()}{odd}"


def stat(rest, offset=0):
    names = "czxid mzxid ctime mtime version cversion aversion owner length kids pzxid".split()
    return dict(zip(names, struct.unpack_from("!qqqqiiiqiiq", rest, offset)))


def four_letters(address, word):
    wire = Wire(address, greet=False)
    wire.socket.sendall(word)
    data = b""
    while chunk := wire.socket.recv(4096):
        data += chunk
    return data.decode()


# The handshake


@conversation
def greeting_of_44_and_of_45_bytes(address):
    old, new = Wire(address, read_only=b""), Wire(address)
    return f"{len(old.welcome)} {len(new.welcome)} {new.welcome[36:].hex()} {old.alive()} {new.alive()}"


@conversation
def timeouts_are_clamped(address):
    return " ".join(str(Wire(address, timeout=wanted).timeout) for wanted in (-5, 0, 1, 399, 400, 5000, 60000, 60001, 2**31 - 1))


@conversation
def unknown_session(address):
    wire = Wire(address, session=0x1234, password=b"x" * 16)
    return f"{wire.timeout} {wire.session} {wire.password.hex()} {len(wire.welcome)} {wire.ended()}"


@conversation
def wrong_password(address):
    owner = Wire(address)
    owner.call(1, create("/wrong-password", mode=1))
    thief = Wire(address, session=owner.session, password=b"x" * 16)
    again = Wire(address, session=owner.session, password=owner.password)
    lives = again.call(3, watched("/wrong-password", False))[0]
    return f"{thief.timeout} {thief.session} {thief.ended()} {again.session == owner.session} {lives}"


@conversation
def short_password(address):
    owner = Wire(address)
    thief = Wire(address, session=owner.session, password=b"")
    return f"{thief.timeout} {thief.session} {thief.ended()}"


@conversation
def session_that_was_closed(address):
    owner = Wire(address)
    owner.call(-11)
    again = Wire(address, session=owner.session, password=owner.password)
    return f"{owner.ended()} {again.timeout} {again.session} {again.ended()}"


@conversation
def session_that_expired(address):
    owner = Wire(address, timeout=400)
    silent = owner.ended()
    again = Wire(address, session=owner.session, password=owner.password)
    return f"{silent} {again.timeout} {again.session} {again.ended()}"


@conversation
def zxid_of_the_future(address):
    wire = Wire(address, greet=False)
    try:
        wire.greet(zxid=1 << 40)
    except Closed:
        return "closed without a reply"
    return "welcome"


@conversation
def session_moves_to_a_new_connection(address):
    first = Wire(address)
    second = Wire(address, session=first.session, password=first.password)
    return f"{first.session == second.session} {first.password == second.password} {first.ended()} {second.alive()}"


@conversation
def timeout_can_change_on_return(address):
    first = Wire(address, timeout=5000)
    second = Wire(address, session=first.session, password=first.password, timeout=7000)
    return f"{first.timeout} {second.timeout}"


@conversation
def sessions_of_one_server_differ(address):
    wires = [Wire(address) for _ in range(20)]
    return f"{len({wire.session for wire in wires})} {len({wire.password for wire in wires})} {min(wire.session for wire in wires) > 0}"


# Life and death of sessions


@conversation
def any_request_is_a_sign_of_life(address):
    wire, dumb = Wire(address, timeout=1000), Wire(address, timeout=1000)
    deadline = time.monotonic() + 2.5
    while time.monotonic() < deadline:
        wire.call(3, watched("/", False))
        time.sleep(0.1)
    return f"{wire.alive()} {dumb.ended()}"


@conversation
def silence_on_an_open_connection_expires(address):
    wire, other = Wire(address, timeout=1000), Wire(address)
    wire.call(1, create("/silent", mode=1))
    other.call(3, watched("/silent"))
    ended = wire.ended()
    return f"{ended} {other.events()}"


@conversation
def close_session_fires_replies_and_closes(address):
    wire, other = Wire(address), Wire(address)
    wire.call(1, create("/closing", mode=1))
    wire.call(4, watched("/closing"))
    other.call(3, watched("/closing"))
    story = wire.story(-11)
    return f"{story}, {wire.ended()}; {other.events()}"


@conversation
def what_follows_close_session_is_not_answered(address):
    wire = Wire(address)
    wire.request(-11)
    wire.request(1, create("/after-close"))
    (xid, _, error), _ = wire.reply()
    other = Wire(address)
    return f"{xid} {error} {wire.ended()} {other.call(3, watched('/after-close', False))[0]}"


@conversation
def dropped_connection_keeps_ephemerals(address):
    wire, other = Wire(address), Wire(address)
    wire.call(1, create("/dropped", mode=1))
    wire.close()
    before = other.call(3, watched("/dropped", False))[0]
    again = Wire(address, session=wire.session, password=wire.password)
    owner = stat(again.call(3, watched("/dropped", False))[1])["owner"]
    return f"{before} {owner == wire.session}"


@conversation
def watches_go_with_their_connection(address):
    wire, other = Wire(address), Wire(address)
    wire.call(3, watched("/gone-watch"))
    again = Wire(address, session=wire.session, password=wire.password)
    other.call(1, create("/gone-watch"))
    return again.events()


# Headers, order, lengths


@conversation
def replies_come_in_order(address):
    wire = Wire(address)
    sent = []
    for round in range(50):
        sent.append(wire.request(1, create("/order-", mode=2)))
        sent.append(wire.request(3, watched("/", False)))
        sent.append(wire.request(3, watched("/missing", False)))
        sent.append(wire.request(11, xid=-2))
    headers = [wire.reply()[0] for _ in sent]
    zxids = [zxid for _, zxid, _ in headers]
    created = zxids[::4]
    return (
        f"{[xid for xid, _, _ in headers] == sent} {zxids == sorted(zxids)} {len(set(created))}"
        f" {sorted({error for _, _, error in headers})}"
    )


@conversation
def zxids_in_replies(address):
    wire = Wire(address)
    _, body = wire.call(15, create("/zxids"))
    made = wire.zxid
    numbers = stat(body, 4 + len("/zxids"))
    wire.call(5, setting("/zxids", b"x"))
    changed = wire.zxid
    failed = wire.call(5, setting("/zxids", b"x", 9))[0]
    refused = wire.zxid
    after = stat(wire.call(3, watched("/zxids", False))[1])
    return f"{made == numbers['czxid']} {changed > made} {failed} {refused > changed} {after['mzxid'] == changed} {wire.zxid >= refused}"


@conversation
def xids_come_back_whatever_they_are(address):
    wire = Wire(address)
    texts = []
    for xid in (0, 7, -2147483648, -17, 2147483647):
        wire.request(3, watched("/", False), xid)
        texts.append(str(wire.reply()[0][0]))
    return " ".join(texts)


@conversation
def an_error_is_a_header_alone(address):
    wire = Wire(address)
    return " ".join(
        f"{error}+{len(rest)}"
        for error, rest in (
            wire.call(4, watched("/missing", False)),
            wire.call(1, create("/missing/a")),
            wire.call(2, versioned("/missing")),
            wire.call(3, watched("/missing", False)),
        )
    )


@conversation
def lengths_of_replies(address):
    wire = Wire(address)
    bodies = [
        wire.call(1, create("/lengths", b"12345"))[1],
        wire.call(15, create("/lengths/a", b"1"))[1],
        wire.call(3, watched("/lengths", False))[1],
        wire.call(4, watched("/lengths", False))[1],
        wire.call(5, setting("/lengths", b"123"))[1],
        wire.call(6, string("/lengths"))[1],
        wire.call(7, string("/lengths") + acl(OPEN) + struct.pack("!i", -1))[1],
        wire.call(8, watched("/lengths", False))[1],
        wire.call(9, string("/lengths"))[1],
        wire.call(12, watched("/lengths", False))[1],
        wire.call(2, versioned("/lengths/a"))[1],
        wire.call(14, multi())[1],
        wire.call(19, create("/lengths/c", mode=4))[1],
    ]
    return " ".join(str(len(body)) for body in bodies)


@conversation
def multi_results(address):
    wire = Wire(address)
    _, good = wire.call(
        14,
        multi(
            (1, create("/m")), (15, create("/m/a")), (19, create("/m/c", mode=4)), (5, setting("/m", b"x")),
            (13, versioned("/m", 1)), (2, versioned("/m/a")), (2, versioned("/m/c")),
        ),
    )
    error, bad = wire.call(14, multi((1, create("/m/a")), (13, versioned("/m", 7)), (2, versioned("/m"))))
    codes, offset = [], 0
    # Every header, up to the "done".
    sizes = {1: lambda at: 4 + struct.unpack_from("!i", good, at)[0], 15: lambda at: 72 + struct.unpack_from("!i", good, at)[0], 5: lambda at: 68, 13: lambda at: 0, 2: lambda at: 0}
    while True:
        code, done, result = struct.unpack_from("!iBi", good, offset)
        codes.append(f"{code}/{done}/{result}")
        offset += 9
        if done:
            break
        offset += sizes[code](offset)
    return f"{' '.join(codes)} {len(good) - offset}; {error} {bad.hex()}; {wire.call(2, versioned('/m'))[0]}"


@conversation
def multi_read(address):
    wire = Wire(address)
    wire.call(1, create("/mr", b"data"))
    error, body = wire.call(22, multi((4, watched("/mr", False)), (8, watched("/mr", False)), (4, watched("/missing", False)), (8, watched("/missing", False))))
    first = struct.unpack_from("!iBi", body)
    second = struct.unpack_from("!iBi", body, 9 + 8 + 68)
    return f"{error} {first} {body[9:17]} {second} {body[9 + 8 + 68 + 9:].hex()}"


@conversation
def ping_and_auth_headers(address):
    wire = Wire(address)
    wire.request(11, xid=-2)
    (xid, zxid, error), rest = wire.reply()
    wire.request(100, struct.pack("!i", 0) + string("digest") + string("a:b"), xid=-4)
    (auth_xid, auth_zxid, auth_error), auth_rest = wire.reply()
    return f"{xid} {zxid > 0} {error} {len(rest)}; {auth_xid} {auth_zxid} {auth_error} {len(auth_rest)}"


@conversation
def failed_auth_closes(address):
    wire = Wire(address)
    wire.request(100, struct.pack("!i", 0) + string("nonsense") + string("x"), xid=-4)
    (xid, zxid, error), rest = wire.reply()
    ended = wire.ended()
    again = Wire(address, session=wire.session, password=wire.password)
    return f"{xid} {zxid} {error} {len(rest)} {ended} {again.session == wire.session}"


@conversation
def unknown_operations(address):
    texts = []
    for code in (10, 23, 99, 108, 1000, -1, 0):
        wire = Wire(address)
        wire.request(code)
        try:
            (xid, zxid, error), rest = wire.reply()
            texts.append(f"{code}: {xid} {error}+{len(rest)}")
        except Closed:
            texts.append(f"{code}: nothing")
    return ", ".join(texts)


@conversation
def reconfigure_is_refused(address):
    wire = Wire(address)
    return str(wire.call(16, string(None) * 3 + struct.pack("!q", -1))[0])


@conversation
def who_am_i(address):
    wire = Wire(address)
    wire.call(100, struct.pack("!i", 0) + string("digest") + string("bob:secret"), xid=-4)
    error, rest = wire.call(107)
    return f"{error} {rest[:4].hex()} {sorted(part for part in (b'ip', b'127.0.0.1', b'digest', b'bob') if part in rest)} {len(rest)}"


@conversation
def counting_descendants_and_ephemerals(address):
    wire = Wire(address)
    for path, mode in (("/count", 0), ("/count/a", 0), ("/count/a/b", 1), ("/count/e", 1)):
        wire.call(1, create(path, mode=mode))
    number = wire.call(104, string("/count"))
    mine = wire.call(103, string("/count/a"))
    return f"{number[0]} {number[1].hex()} {wire.call(104, string('/missing'))[0]} {mine[0]} {mine[1]}"


@conversation
def nodes_with_a_time_to_live(address):
    wire = Wire(address)
    return str(wire.call(21, create("/ttl", mode=5, ttl=1000))[0])


@conversation
def kinds_and_modes_of_creation(address):
    wire = Wire(address)
    texts = [
        wire.story(1, create("/km-1", mode=4)),
        wire.story(15, create("/km-2", mode=4)),
        wire.story(19, create("/km-3", mode=0)),
        wire.story(21, create("/km-4", mode=0, ttl=5)),
        wire.story(1, create("/km-5", mode=5)),
    ]
    _, body = wire.call(14, multi((1, create("/km-6", mode=4)), (19, create("/km-7")), (21, create("/km-8", ttl=5))))
    return "; ".join(texts) + f"; {len(body)}"


@conversation
def unknown_modes(address):
    wire = Wire(address)
    return " ".join(str(wire.call(1, create("/mode", mode=mode))[0]) for mode in (7, -1, 100))


@conversation
def paths_without_a_slash(address):
    wire = Wire(address)
    return " ".join(
        str(code)
        for code in (
            wire.call(1, create("relative"))[0],
            wire.call(1, create(""))[0],
            wire.call(2, versioned("relative"))[0],
            wire.call(5, setting("relative", b""))[0],
            wire.call(5, setting("", b""))[0],
            wire.call(3, watched("relative", False))[0],
            wire.call(3, watched("", False))[0],
            wire.call(3, watched("/a\0b", False))[0],
            wire.call(4, watched("/a\0b", False))[0],
            wire.call(1, create("/a\0b"))[0],
            wire.call(2, versioned("/a\0b"))[0],
            wire.call(1, create(b"/\xff"))[0],
            wire.call(1, create("//"))[0],
            wire.call(1, create("//a"))[0],
            wire.call(9, string(None))[0],
        )
    )


# What closes a connection


def survives(address, wire):
    ended = wire.ended()
    again = Wire(address, session=wire.session, password=wire.password)
    return f"{ended} {again.session == wire.session}"


@conversation
def negative_length(address):
    wire = Wire(address)
    wire.socket.sendall(struct.pack("!i", -1))
    return survives(address, wire)


@conversation
def length_beyond_the_limit(address):
    wire = Wire(address)
    wire.socket.sendall(struct.pack("!i", 1048576))
    return survives(address, wire)


@conversation
def length_at_the_limit(address):
    wire = Wire(address)
    head = struct.pack("!ii", 1, 1)
    path = string("/big")
    rest = acl(OPEN) + struct.pack("!i", 0)
    size = 1048575 - len(head) - len(path) - 4 - len(rest)
    wire.send(head + path + struct.pack("!i", size) + b"x" * size + rest)
    (xid, _, error), _ = wire.reply()
    answer = wire.call(4, watched("/big", False))
    return f"{xid} {error} {answer[0]} {len(answer[1]) - size}"


@conversation
def garbage_instead_of_a_greeting(address):
    texts = []
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\0", b"\0\0\0\5hello", b"\xff" * 64, b"xxxx"):
        wire = Wire(address, greet=False)
        wire.socket.sendall(garbage)
        texts.append(wire.ended())
    return " ".join(texts)


@conversation
def frame_without_a_header(address):
    texts = []
    for body in (b"", b"\0\0\0", b"\0\0\0\1\0\0\0"):
        wire = Wire(address)
        wire.send(body)
        texts.append(wire.ended())
    return " ".join(texts)


@conversation
def four_letters_after_the_greeting(address):
    wire = Wire(address)
    wire.socket.sendall(b"ruok")
    return survives(address, wire)


@conversation
def frames_in_single_bytes(address):
    wire = Wire(address)
    frame = struct.pack("!ii", 5, 3) + watched("/", False)
    for byte in struct.pack("!i", len(frame)) + frame:
        wire.socket.sendall(bytes([byte]))
    (xid, _, error), rest = wire.reply()
    return f"{xid} {error} {len(rest)}"


# Watches


@conversation
def event_goes_out_before_the_reply(address):
    wire = Wire(address)
    wire.call(3, watched("/own"))
    texts = [wire.story(1, create("/own"))]
    wire.call(4, watched("/own"))
    texts.append(wire.story(5, setting("/own", b"x")))
    wire.call(4, watched("/own"))
    texts.append(wire.story(2, versioned("/own")))
    return "; ".join(texts)


@conversation
def event_goes_out_before_a_read_of_the_new(address):
    wire, other = Wire(address), Wire(address)
    wire.call(1, create("/fresh", b"old"))
    texts = set()
    for round in range(100):
        new = str(round).encode()
        wire.call(4, watched("/fresh"))
        other.request(5, setting("/fresh", new))
        heard = False
        while True:
            xid = wire.request(4, watched("/fresh", False))
            (got, zxid, error), rest = wire.reply()
            while got != xid:
                heard = True
                (got, zxid, error), rest = wire.reply()
            if rest[4:].startswith(new) and rest[:4] == struct.pack("!i", len(new)):
                texts.add("heard" if heard else "not heard")
                break
        other.reply()
    return " ".join(sorted(texts))


@conversation
def deletion_is_told_once_to_each(address):
    wire, other = Wire(address), Wire(address)
    wire.call(1, create("/once"))
    wire.call(1, create("/once/a"))
    wire.call(4, watched("/once/a"))
    wire.call(3, watched("/once/a"))
    wire.call(8, watched("/once/a"))
    wire.call(12, watched("/once"))
    other.call(8, watched("/once/a"))
    return f"{wire.story(2, versioned('/once/a'))}; {other.events()}"


@conversation
def order_of_events_at_creation(address):
    wire = Wire(address)
    wire.call(1, create("/both"))
    wire.call(8, watched("/both"))
    wire.call(3, watched("/both/a"))
    return wire.story(1, create("/both/a"))


@conversation
def set_watches_tells_what_was_missed(address):
    wire, other = Wire(address), Wire(address)
    for name in ("data-same", "data-changed", "data-gone", "child-same", "child-more", "child-less", "child-gone", "exists-made-before"):
        wire.call(1, create("/sw-" + name))
    wire.call(1, create("/sw-child-less/a"))
    wire.call(3, watched("/", False))
    seen = wire.zxid
    other.call(5, setting("/sw-data-changed", b"x"))
    other.call(2, versioned("/sw-data-gone"))
    other.call(1, create("/sw-child-more/a"))
    other.call(2, versioned("/sw-child-less/a"))
    other.call(2, versioned("/sw-child-gone"))
    other.call(1, create("/sw-exists-made"))
    other.call(5, setting("/sw-child-same", b"only data"))
    other.call(1, create("/sw-data-same/a"))
    body = renewal(
        seen,
        ["/sw-data-same", "/sw-data-changed", "/sw-data-gone"],
        ["/sw-exists-made", "/sw-exists-not"],
        ["/sw-child-same", "/sw-child-more", "/sw-child-less", "/sw-child-gone"],
    )
    again = Wire(address, session=wire.session, password=wire.password, zxid=seen)
    texts = [again.story(101, body, xid=-8)]
    other.call(5, setting("/sw-data-same", b"x"))
    other.call(5, setting("/sw-data-changed", b"y"))
    other.call(1, create("/sw-exists-not"))
    other.call(1, create("/sw-child-same/a"))
    other.call(1, create("/sw-child-more/b"))
    texts.append(again.events())
    return "; ".join(texts)


@conversation
def set_watches_in_several_packets(address):
    wire = Wire(address)
    for part in range(3):
        wire.send(struct.pack("!ii", -8, 101) + renewal(1 << 40, [], [f"/swp-{part}-{i}" for i in range(1000)], []))
    texts = [str(wire.reply()[0][0::2]) for _ in range(3)]
    texts.append(wire.story(1, create("/swp-0-0")))
    texts.append(wire.story(1, create("/swp-2-999")))
    return "; ".join(texts)


@conversation
def set_watches_with_persistent_ones(address):
    wire, other = Wire(address), Wire(address)
    wire.call(1, create("/sw2"))
    body = renewal(0, [], [], [], ["/sw2"], ["/sw2r"])
    texts = [wire.story(105, body, xid=-8)]
    other.call(5, setting("/sw2", b"x"))
    other.call(1, create("/sw2/a"))
    other.call(1, create("/sw2r"))
    other.call(1, create("/sw2r/a"))
    other.call(5, setting("/sw2", b"y"))
    texts.append(wire.events())
    return "; ".join(texts)


@conversation
def persistent_watch(address):
    wire, other = Wire(address), Wire(address)
    texts = [wire.story(106, versioned("/pw", 0))]
    other.call(1, create("/pw"))
    other.call(5, setting("/pw", b"x"))
    other.call(5, setting("/pw", b"y"))
    other.call(1, create("/pw/a"))
    other.call(5, setting("/pw/a", b"y"))
    other.call(1, create("/pw/a/b"))
    other.call(2, versioned("/pw/a/b"))
    other.call(2, versioned("/pw/a"))
    other.call(2, versioned("/pw"))
    other.call(1, create("/pw"))
    texts.append(wire.events())
    return "; ".join(texts)


@conversation
def recursive_watch(address):
    wire, other = Wire(address), Wire(address)
    texts = [wire.story(106, versioned("/rw", 1))]
    other.call(1, create("/rw"))
    other.call(5, setting("/rw", b"x"))
    other.call(1, create("/rw/a"))
    other.call(1, create("/rw/a/b"))
    other.call(5, setting("/rw/a/b", b"y"))
    other.call(1, create("/rwx"))
    other.call(2, versioned("/rw/a/b"))
    other.call(2, versioned("/rw/a"))
    other.call(2, versioned("/rw"))
    texts.append(wire.events())
    return "; ".join(texts)


@conversation
def recursive_and_ordinary_watches(address):
    wire, other = Wire(address), Wire(address)
    wire.call(1, create("/ro"))
    wire.call(106, versioned("/ro", 1))
    wire.call(3, watched("/ro/a"))
    wire.call(8, watched("/ro"))
    other.call(1, create("/ro/a"))
    other.call(5, setting("/ro/a", b"1"))
    other.call(1, create("/ro/b"))
    return wire.events()


@conversation
def one_mode_a_path_and_connection(address):
    wire, other = Wire(address), Wire(address)
    wire.call(1, create("/om-a"))
    wire.call(1, create("/om-b"))
    wire.call(106, versioned("/om-a", 0))
    wire.call(4, watched("/om-a"))
    wire.call(4, watched("/om-b"))
    wire.call(106, versioned("/om-b", 0))
    for path in ("/om-a", "/om-b"):
        other.call(5, setting(path, b"1"))
        other.call(5, setting(path, b"2"))
        other.call(1, create(path + "/c"))
    return wire.events()


@conversation
def odd_access_lists(address):
    wire = Wire(address)
    wire.call(1, create("/oa"))
    texts = [str(wire.call(1, create("/oa/x", entries=[(0, "world", "anyone"), (64, "world", "anyone")]))[0])]
    texts.append(str(wire.call(6, string("/oa/x"))[0]))
    for scheme, ids in (
        ("digest", ("a:b:c", "a:", "", ":b", ":", "a:b:")),
        ("ip", ("1.2.3.4/", "1.2.3.4/-1", "::1", "1.2.3.4/08", "+1.2.3.4", "1.2.3.4/+8", "01.2.3.4", "1.2.3.4.", "", "1.2.3.4/8/9")),
    ):
        for number, id in enumerate(ids):
            texts.append(str(wire.call(1, create(f"/oa/{scheme}{number}", entries=[(31, scheme, id)]))[0]))
    texts.append(str(wire.call(1, string("/oa/null") + string(b"") + struct.pack("!ii", -1, 0))[0]))
    return " ".join(texts)


@conversation
def zookeepers_own_nodes(address):
    wire = Wire(address)
    return " ".join(
        str(wire.call(code, body)[0])
        for code, body in (
            (1, create("/zookeeper/x")),
            (2, versioned("/zookeeper/x")),
            (5, setting("/zookeeper/config", b"")),
            (2, versioned("/zookeeper/config")),
            (5, setting("/", b"")),
            (8, watched("/zookeeper/quota", False)),
        )
    )


@conversation
def bad_modes_of_watches(address):
    wire = Wire(address)
    return " ".join(str(wire.call(106, versioned("/bm", mode))[0]) for mode in (2, -1))


@conversation
def checking_and_removing_watches(address):
    wire, other = Wire(address), Wire(address)
    wire.call(1, create("/cw"))
    codes = [wire.call(17, versioned("/cw", kind))[0] for kind in (1, 2, 3)]
    wire.call(4, watched("/cw"))
    codes += [wire.call(17, versioned("/cw", kind))[0] for kind in (1, 2, 3)]
    codes += [other.call(17, versioned("/cw", 3))[0]]
    codes += [wire.call(18, versioned("/cw", 1))[0], wire.call(18, versioned("/cw", 3))[0], wire.call(18, versioned("/cw", 3))[0]]
    other.call(5, setting("/cw", b"x"))
    wire.call(106, versioned("/cw", 0))
    codes += [wire.call(18, versioned("/cw", 2))[0]]
    other.call(5, setting("/cw", b"y"))
    other.call(1, create("/cw/a"))
    codes += [wire.call(18, versioned("/cw", 9))[0]]
    return f"{codes} {wire.events()}"


# Four-letter words


@conversation
def ruok_and_isro(address):
    return f"{four_letters(address, b'ruok')} {four_letters(address, b'isro')}"


@conversation
def srvr(address):
    lines = four_letters(address, b"srvr").splitlines()
    return ", ".join(line.split(":")[0] for line in lines) + " " + lines[7]


@conversation
def stat_lists_clients(address):
    wire = Wire(address)
    text = four_letters(address, b"stat")
    return f"{text.splitlines()[1]} {str(wire.socket.getsockname()[1]) in text} {'Mode: standalone' in text}"


@conversation
def cons_lists_sessions(address):
    wire = Wire(address)
    text = four_letters(address, b"cons")
    line = next(line for line in text.splitlines() if f":{wire.socket.getsockname()[1]}[1]" in line)
    return f"{'sid=0x%x' % wire.session in line} {line.startswith(' /127.0.0.1:')} {text.endswith(chr(10) * 2)}"


@conversation
def envi_tells_the_version(address):
    lines = four_letters(address, b"envi").splitlines()
    return f"{lines[0]} {lines[1].startswith('zookeeper.version=3.8.')}"


@conversation
def mntr_is_tab_separated(address):
    pairs = dict(line.split("\t", 1) for line in four_letters(address, b"mntr").splitlines())
    wanted = "zk_version zk_server_state zk_znode_count zk_watch_count zk_ephemerals_count zk_num_alive_connections zk_packets_sent"
    return f"{[name in pairs for name in wanted.split()]} {pairs['zk_server_state']}"


@conversation
def conf_tells_the_timeouts(address):
    lines = four_letters(address, b"conf").splitlines()
    return " ".join(sorted(line for line in lines if line.startswith(("tickTime", "minSession", "maxSession"))))


def main(address, *names):
    def run(each):
        name, function = each
        try:
            return f"{name}: {function(address)}"
        except Exception as error:
            return f"{name}: {type(error).__name__} {error}"

    with ThreadPoolExecutor(8) as pool:
        for line in pool.map(run, [each for each in CONVERSATIONS if not names or each[0] in names]):
            print(line, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
