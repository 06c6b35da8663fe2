# Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
# Licensed under the Apache License, Version 2.0; see LICENSE.
# SPDX-License-Identifier: Apache-2.0
"""Make ZEO's own forker start an external server process.

``install()`` must be called before any ``ZEO.tests`` module is imported: it
replaces ``ZEO._forker.start_zeo_server`` (which ``ZEO.tests.forker``,
``ZEO.server`` and ``ZEO.tests.testConfig`` use) by a function that writes the
ZConfig text to a file, starts ``COMMAND -C FILE`` in the test's working
directory, waits until the address listens, and returns ``(addr, stop)`` as
upstream's does.
"""
import io
import os
import random
import re
import shlex
import signal
import socket
import subprocess
import tempfile
import time
import unittest


class Settings:
    command = None              # list: the server command
    msgpack = None              # None, 'env', 'config' or 'both'
    start_timeout = 15.0
    stop_timeout = 10.0
    port_range = (10000, 20000)
    log_dir = None              # where server output goes, per test


class ServerDidNotStart(Exception):
    pass


servers = []        # every Server started in this process
announced = []      # protocol announcements the clients of this test saw
problems = []       # things that make the test an error whatever it says


def server_env():
    env = dict(os.environ)
    env.pop('ZEO_MSGPACK', None)
    if Settings.msgpack in ('env', 'both'):
        env['ZEO_MSGPACK'] = '1'
    return env


def free_port():
    low, high = Settings.port_range
    for _ in range(200):
        port = random.SystemRandom().randrange(low, high)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(('127.0.0.1', port))
            except OSError:
                continue
        if not listening(port):
            return port
    raise RuntimeError('no free port')


def listening(port):
    """Is something listening on TCP *port*?  (without connecting to it)"""
    found = False
    for name in '/proc/net/tcp', '/proc/net/tcp6':
        try:
            with open(name) as f:
                lines = f.readlines()[1:]
        except OSError:
            continue
        found = True
        for line in lines:
            fields = line.split()
            if fields[3] == '0A' and \
               int(fields[1].rsplit(':', 1)[1], 16) == port:
                return True
    if not found:       # not Linux
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
            s.settimeout(1)
            return s.connect_ex(('127.0.0.1', port)) == 0
    return False


def unix_listening(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(1)
        try:
            s.connect(path)
        except OSError:
            return False
    return True


_address = re.compile(r'(?im)^([ \t]*address[ \t]+)(\S.*?)[ \t]*$')


def resolve_address(text):
    """Return (config text with a real port, address, whether we chose it)."""
    import ZConfig.datatypes

    m = _address.search(text)
    if m is None:
        raise ValueError('no address in the server configuration')
    value = m.group(2)
    address = ZConfig.datatypes.SocketBindingAddress(value).address
    chosen = False
    if isinstance(address, tuple):
        host, port = address[:2]
        if not port:
            chosen = True
            port = free_port()
            if re.search(r':\s*0$', value):
                value = re.sub(r'0$', str(port), value)
            else:
                value = '%s:%d' % (value, port)
            text = text[:m.start(2)] + value + text[m.end(2):]
        address = host, port
    return text, address, chosen


def add_msgpack(text):
    if Settings.msgpack not in ('config', 'both') or \
       re.search(r'(?im)^\s*msgpack\s', text):
        return text
    m = _address.search(text)
    return text[:m.end()] + '\nmsgpack true' + text[m.end():]


def filestorage_paths(text):
    """Paths of the FileStorages in a server configuration.

    Upstream's runner calls ``storage.cleanup()`` on the open storages when a
    server stops and ``keep`` is false.  The same files are removed here.
    """
    import ZConfig

    import ZEO

    schema = ZConfig.loadSchema(
        os.path.join(os.path.dirname(ZEO.__file__), 'schema.xml'))
    root, _ = ZConfig.loadConfigFile(schema, io.StringIO(text))
    result = []

    def walk(opener):
        config = getattr(opener, 'config', None)
        path = getattr(config, 'path', None)
        if type(opener).__name__ == 'FileStorage' and path:
            result.append(os.path.abspath(path))
        base = getattr(config, 'base', None)
        if base is not None:
            walk(base)
        for factory in getattr(config, 'factories', None) or ():
            walk(factory)

    for opener in root.storages:
        walk(opener)
    return result


class Server:

    def __init__(self, text, address, argv_tail=('-C',)):
        self.address = address
        n = len(servers)
        servers.append(self)
        self.stopping = self.killed = False
        self.terms = 0
        self.returncode = None
        fd, self.config = tempfile.mkstemp(
            '.conf', prefix='suite_server', dir=Settings.log_dir)
        with os.fdopen(fd, 'w') as f:
            f.write(text)
        self.log = os.path.join(Settings.log_dir, 'server-%d.log' % n)
        self.started_at = time.time()
        with open(self.log, 'wb') as log:
            # Its own process group in the test's session: a wrapper script
            # that does not exec gets its children signalled too, and the
            # driver finds what is left by the session id.
            self.process = subprocess.Popen(
                Settings.command + ['-C', self.config],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=server_env(), process_group=0)
        self.pid = self.process.pid

    def tail(self, size=3000):
        try:
            with open(self.log, 'rb') as f:
                return f.read()[-size:].decode('utf-8', 'replace')
        except OSError:
            return ''

    def wait_listening(self, timeout):
        giveup = time.time() + timeout
        while True:
            rc = self.process.poll()
            if rc is not None:
                self.returncode = rc
                self.stopping = True        # no second complaint
                raise ServerDidNotStart(
                    'server exited with %s before it listened on %r\n%s'
                    % (rc, self.address, self.tail()))
            if isinstance(self.address, str):
                up = unix_listening(self.address)
            else:
                up = listening(self.address[1])
            if up:
                self.ready_after = time.time() - self.started_at
                return
            if time.time() > giveup:
                self.kill()
                raise ServerDidNotStart(
                    'server did not listen on %r within %gs\n%s'
                    % (self.address, timeout, self.tail()))
            time.sleep(0.01)

    def signal(self, signum):
        try:
            os.killpg(self.pid, signum)
        except OSError:
            try:
                self.process.send_signal(signum)
            except OSError:
                pass

    def kill(self):
        self.stopping = True
        self.signal(signal.SIGKILL)
        try:
            self.returncode = self.process.wait(5)
        except subprocess.TimeoutExpired:
            pass

    def check_alive(self):
        rc = self.process.poll()
        if rc is not None and not self.stopping:
            self.returncode = rc
            self.stopping = True
            problems.append('server died by itself (exit status %s)\n%s'
                            % (rc, self.tail()))

    def stop(self):
        if self.stopping:
            return
        self.check_alive()
        if self.stopping:
            return
        self.stopping = True
        # SIGTERM is sent again now and then: the SystemExit that runzeo's
        # Python handler raises can be lost in a callback of its event loop.
        giveup = time.monotonic() + Settings.stop_timeout
        while True:
            self.signal(signal.SIGTERM)
            self.terms += 1
            left = giveup - time.monotonic()
            try:
                self.returncode = self.process.wait(max(0.1, min(2.5, left)))
                return
            except subprocess.TimeoutExpired:
                if left < 2.5:
                    break
        self.killed = True
        self.kill()
        problems.append('server did not exit within %gs of SIGTERM\n%s'
                        % (Settings.stop_timeout, self.tail()))


def start_zeo_server(storage_conf=None, zeo_conf=None, port=None, keep=False,
                     path='Data.fs', protocol=None, blob_dir=None,
                     suicide=True, debug=False,
                     threaded=False, start_timeout=33, name=None, log=None,
                     show_config=False):
    from ZEO._forker import ZEOConfig

    if protocol is not None:
        raise unittest.SkipTest(
            'needs a server patched to announce protocol %r' % protocol)

    if not storage_conf:
        storage_conf = '<filestorage>\npath %s\n</filestorage>' % path
    if blob_dir:
        storage_conf = '<blobstorage>\nblob-dir %s\n%s\n</blobstorage>' % (
            blob_dir, storage_conf)

    if zeo_conf is None or isinstance(zeo_conf, dict):
        if port is None:
            port = 0
        options = ZEOConfig(
            ('127.0.0.1', port) if isinstance(port, int) else port, log=log)
        if zeo_conf:
            options.__dict__.update(zeo_conf)
        zeo_conf = options

    template = str(zeo_conf) + '\n\n' + storage_conf + '\n'
    if show_config:
        print(template)

    for attempt in 1, 2, 3:
        text, address, chosen = resolve_address(template)
        text = add_msgpack(text)
        server = Server(text, address)
        try:
            server.wait_listening(Settings.start_timeout)
        except ServerDidNotStart as exc:
            # Somebody else may have taken the port that we chose.
            if chosen and attempt < 3 and re.search(
                    'in use|EADDRINUSE|Errno 98', str(exc), re.I):
                continue
            problems.append(str(exc))
            raise
        break

    cleanup = [] if keep else filestorage_paths(text)

    def stop(stop_timeout=99):
        server.stop()
        for base in cleanup:
            for ext in '', '.old', '.tmp', '.lock', '.index', '.pack':
                try:
                    os.remove(base + ext)
                except FileNotFoundError:
                    pass

    return address, stop


def stop_all():
    """Stop what the test left running.  Returns how many there were."""
    left = [s for s in servers if not s.stopping]
    for server in left:
        server.stop()
    return len(left)


def generate_script(name, src):
    """Stands in for ZEO.tests.testZEO.generate_script.

    Upstream writes a Python script that calls ``ZEO.runzeo.main()``; this
    writes one that execs the external server with the same arguments.
    """
    write_exec_script(name)


def write_exec_script(name):
    env = {'ZEO_MSGPACK': server_env().get('ZEO_MSGPACK')}
    with open(name, 'w') as f:
        f.write('import os, sys\n'
                'for k, v in %r.items():\n'
                '    os.environ.pop(k, None)\n'
                '    if v: os.environ[k] = v\n'
                'cmd = %r\n'
                'os.execvp(cmd[0], cmd + sys.argv[1:])\n'
                % (env, Settings.command))


def redirect_script(name):
    """Make ``Popen([sys.executable, name, ...])`` run the external server."""
    import sys

    original = subprocess.Popen

    class Popen(original):
        def __init__(self, args, *a, **kw):
            if isinstance(args, (list, tuple)) and len(args) > 1 and \
               args[0] == sys.executable and args[1] == name:
                write_exec_script(name)
                servers.append(_Redirected())
            original.__init__(self, args, *a, **kw)

    subprocess.Popen = Popen


class _Redirected:
    stopping = True
    pid = returncode = None
    killed = False
    terms = 0

    def tail(self, size=0):
        return ''

    def check_alive(self):
        pass


def install():
    import ZEO._forker
    ZEO._forker.start_zeo_server = start_zeo_server

    import ZEO.asyncio.client
    Protocol = ZEO.asyncio.client.Protocol
    finish_connection = Protocol.finish_connection

    def recording_finish_connection(self, protocol_version):
        announced.append(bytes(protocol_version[:16]))
        return finish_connection(self, protocol_version)

    Protocol.finish_connection = recording_finish_connection


def configure(command, **kw):
    Settings.command = shlex.split(command)
    for name, value in kw.items():
        setattr(Settings, name, value)
