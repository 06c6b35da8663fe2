# Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
# Licensed under the Apache License, Version 2.0; see LICENSE.
# SPDX-License-Identifier: Apache-2.0
"""Run ZEO's and ZODB's own tests against an external ZEO server.

Each test runs in its own forked process, session and directory.  The driver
has one thread, so that forking is safe, and ends only processes of the
sessions that it made (and orphans of these, which it adopts).
"""
import argparse
import collections
import ctypes
import faulthandler
import gc
import json
import os
import re
import selectors
import shutil
import signal
import sys
import tempfile
import time
import zlib
import traceback
import unittest


HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import extserver  # NOQA: E402


STATUSES = 'passed', 'failed', 'error', 'skipped', 'notrun'
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

try:
    _prctl = ctypes.CDLL(None, use_errno=True).prctl
except (OSError, AttributeError):
    def _prctl(*args):
        return -1


# ---------------------------------------------------------------- processes

class _CapHeader(ctypes.Structure):
    _fields_ = [('version', ctypes.c_uint32), ('pid', ctypes.c_int)]


class _CapData(ctypes.Structure):
    _fields_ = [('effective', ctypes.c_uint32), ('permitted', ctypes.c_uint32),
                ('inheritable', ctypes.c_uint32)]


def obey_file_modes():
    """As root: make file modes count in this process, as upstream expects.

    Clears CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH from the effective set (a
    server that this process starts gets them back when it is executed).
    """
    if os.geteuid() != 0:
        return
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        header = _CapHeader(0x20080522, 0)
        data = (_CapData * 2)()
        if libc.capget(ctypes.byref(header), data) == 0:
            data[0].effective &= ~((1 << 1) | (1 << 2))
            libc.capset(ctypes.byref(header), data)
    except (OSError, AttributeError):
        pass


def proc_table():
    """{pid: (ppid, session)} of this machine."""
    table = {}
    try:
        entries = os.listdir('/proc')
    except OSError:
        return table
    for entry in entries:
        if not entry.isdigit():
            continue
        try:
            with open('/proc/%s/stat' % entry) as f:
                fields = f.read().rsplit(')', 1)[1].split()
        except (OSError, IndexError):
            continue
        if fields[0] != 'Z':
            table[int(entry)] = int(fields[1]), int(fields[3])
    return table


def kill_session(sid):
    """Kill what is left of a test's session.  Returns how many there were."""
    count = 0
    for _ in range(20):
        left = [pid for pid, (ppid, session) in proc_table().items()
                if session == sid]
        if not left:
            break
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
                count += 1
            except OSError:
                pass
        time.sleep(0.02)
    return count


def reap(known):
    """Collect ended orphans; kill adopted ones that left their session."""
    me = os.getpid()
    mine = {me} | set(known)
    for pid, (ppid, session) in proc_table().items():
        if ppid == me and pid not in mine and session not in mine:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        if pid in known:
            known[pid] = status


# --------------------------------------------------------------- one test

def run_case(case, options, workdir, logdir, slot):
    """In the test's own process: run the test, return its result."""
    os.chdir(workdir)
    tmp = os.path.join(workdir, 'tmp')
    os.mkdir(tmp)
    cwd = os.path.join(workdir, 'cwd')
    os.mkdir(cwd)
    os.chdir(cwd)
    os.environ['TMPDIR'] = tmp
    tempfile.tempdir = None
    low, high = 10000, 20000
    width = (high - low) // options.jobs
    extserver.Settings.log_dir = logdir
    extserver.Settings.port_range = (
        low + slot * width, low + (slot + 1) * width)

    result = unittest.TestResult()
    try:
        if case.prepare is not None:
            case.prepare()
        case.make().run(result)
    except BaseException:
        result.errors.append((None, traceback.format_exc()))
    for server in extserver.servers:
        server.check_alive()
    left = extserver.stop_all()

    detail = ''
    if result.errors or extserver.problems:
        status = 'error'
    elif result.failures or result.unexpectedSuccesses:
        status = 'failed'
    elif result.skipped:
        status = 'skipped'
        detail = '; '.join(reason for test, reason in result.skipped)
    elif result.testsRun != 1:
        status = 'error'
        detail = 'ran %d tests' % result.testsRun
    else:
        status = 'passed'
    if result.failures and not extserver.problems:
        status = 'failed' if not result.errors else 'error'
    detail += '\n'.join([text for test, text in result.errors]
                        + [text for test, text in result.failures]
                        + extserver.problems)
    if status == 'passed' and not extserver.servers:
        status = 'error'
        detail = 'the test started no server (harness bug)'
    if status == 'passed' and options.msgpack and any(
            a[:1] != b'M' for a in extserver.announced):
        status = 'failed'
        detail = 'the server announced %r though told to use msgpack' % (
            sorted(set(extserver.announced)), )
    if status != 'passed':
        for n, server in enumerate(extserver.servers):
            tail = server.tail(1500).strip()
            if tail:
                detail += '\n--- output of server %d (pid %s, ended with %s)' \
                    '\n%s' % (n, server.pid, server.returncode, tail)
    return dict(
        status=status, detail=detail[-12000:],
        servers=len(extserver.servers), left_running=left,
        terms=max([s.terms for s in extserver.servers] or [0]),
        start=max([getattr(s, 'ready_after', 0)
                   for s in extserver.servers] or [0]),
        start_failed=bool(extserver.problems) and any(
            'before it listened' in p or 'did not listen' in p
            for p in extserver.problems),
        announced=sorted({a.decode('latin-1')
                          for a in extserver.announced}))


def child(case, options, workdir, logdir, slot, fd, parent):
    code = 1
    try:
        os.setsid()
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(3)
        for signum in signal.SIGINT, signal.SIGTERM:
            signal.signal(signum, signal.SIG_DFL)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        out = os.open(os.path.join(logdir, 'output'),
                      os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(out, 1)
        os.dup2(out, 2)
        sys.stdin = open(0)
        sys.stdout = open(1, 'w', buffering=1, closefd=False)
        sys.stderr = open(2, 'w', buffering=1, closefd=False)
        obey_file_modes()
        faulthandler.register(signal.SIGUSR1, file=sys.stderr,
                              all_threads=True)
        result = run_case(case, options, workdir, logdir, slot)
        data = json.dumps(result).encode()
        while data:
            data = data[os.write(fd, data):]
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except Exception:
            pass
        os._exit(code)


class Running:

    def __init__(self, case, options, base, number, slot, attempt):
        self.case = case
        self.slot = slot
        self.attempt = attempt
        name = '%04d' % number
        self.workdir = os.path.join(base, name)
        self.logdir = os.path.join(base, name + '.log')
        os.mkdir(self.workdir)
        os.mkdir(self.logdir)
        self.fd, w = os.pipe()
        self.data = b''
        self.timed_out = False
        self.started = time.monotonic()
        self.deadline = self.started + options.timeout * case.timeout_factor
        parent = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.fd)
            child(case, options, self.workdir, self.logdir, slot, w, parent)
        os.close(w)

    def output(self, size=6000):
        try:
            with open(os.path.join(self.logdir, 'output'), 'rb') as f:
                return f.read()[-size:].decode('utf-8', 'replace')
        except OSError:
            return ''

    def dump_stacks(self):
        try:
            os.kill(self.pid, signal.SIGUSR1)
            time.sleep(0.3)
        except OSError:
            pass

    def server_logs(self):
        text = ''
        for name in sorted(os.listdir(self.logdir)):
            if name.startswith('server-'):
                with open(os.path.join(self.logdir, name), 'rb') as f:
                    tail = f.read()[-1500:].decode('utf-8', 'replace').strip()
                if tail:
                    text += '\n--- output of %s\n%s' % (name, tail)
        return text

    def finish(self, known):
        """After the result came, the pipe closed, or the time is over."""
        giveup = time.monotonic() + (0 if self.timed_out else 3)
        while known[self.pid] is None and time.monotonic() < giveup:
            reap(known)
            if known[self.pid] is None:
                time.sleep(0.005)
        if self.timed_out:
            self.dump_stacks()
        if known[self.pid] is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
            except OSError:
                pass
        leftover = kill_session(self.pid)
        while known[self.pid] is None:
            reap(known)
            time.sleep(0.005)
        status = known.pop(self.pid)
        reap(known)
        os.close(self.fd)
        seconds = time.monotonic() - self.started
        try:
            result = json.loads(self.data)
        except ValueError:
            if self.timed_out:
                detail = 'timed out after %.0f s' % seconds
            else:
                detail = 'the test process ended with wait status %s' % status
            result = dict(status='error', servers=None, announced=[],
                          detail=detail + '\n' + self.output()
                          + self.server_logs())
        else:
            if result['status'] not in ('passed', 'skipped'):
                text = self.output(2000).strip()
                if text:
                    result['detail'] += '\n--- output of the test\n' + text
        result.update(id=self.case.id, group=self.case.group,
                      seconds=round(seconds, 2), leftover=leftover,
                      attempt=self.attempt, timed_out=self.timed_out)
        return result


# ----------------------------------------------------------------- the run

def load_durations():
    try:
        with open(os.path.join(HERE, 'durations.json')) as f:
            return json.load(f)
    except (OSError, ValueError):
        return {}


def load_weak():
    """Ids that pass with selftest/handshake_only.py as the server."""
    try:
        with open(os.path.join(HERE, 'handshake-only.txt')) as f:
            return set(f.read().split())
    except OSError:
        return set()


def order(cases):
    """Long tests first, so that the two workers end together."""
    durations = load_durations()
    return sorted(
        cases, key=lambda c: -round(durations.get(c.id, 1) / 5) * 5)


class Run:

    def __init__(self, cases, options, base):
        self.options = options
        self.base = base
        self.queue = collections.deque((case, 1) for case in order(cases))
        self.retry = []
        self.total = len(cases)
        self.results = {}
        self.running = {}       # fd -> Running
        self.known = {}         # pid -> wait status or None
        self.number = 0
        self.start_failures = 0
        self.stopped = None
        self.began = time.monotonic()
        self.selector = selectors.DefaultSelector()

    def launch(self, slot):
        case, attempt = self.queue.popleft()
        self.number += 1
        running = Running(case, self.options, self.base, self.number, slot,
                          attempt)
        self.known[running.pid] = None
        self.running[running.fd] = running
        self.selector.register(running.fd, selectors.EVENT_READ)

    def report(self, result, running):
        case, options = running.case, self.options
        previous = self.results.get(case.id)
        if previous is not None:
            result['first_attempt'] = previous['detail']
        final = True
        if result['status'] in ('failed', 'error') and \
           running.attempt <= options.retries and not self.stopped:
            self.retry.append((case, running.attempt + 1))
            final = False
        self.results[case.id] = result
        if result.get('start_failed'):
            self.start_failures += 1
        elif result['status'] == 'passed':
            self.start_failures = -10**9
        if self.start_failures >= 6 and not self.stopped:
            self.stopped = 'the server does not start'
        word = {'passed': 'ok', 'failed': 'FAIL', 'error': 'ERROR',
                'skipped': 'skip'}[result['status']]
        print('[%4d/%d] %-5s %6.1fs %-22s %s%s' % (
            len(self.results), self.total, word, result['seconds'],
            case.group, case.id,
            '' if running.attempt == 1 else ' (attempt %d)' % running.attempt),
            flush=True)
        if final and result['status'] in ('failed', 'error'):
            lines = [line for line in result['detail'].splitlines()
                     if line.strip()]
            if options.verbose:
                print('\n'.join('        ' + line for line in lines),
                      flush=True)
            else:
                for line in summary_lines(lines):
                    print('        ' + line[:160], flush=True)
        if not options.keep:
            shutil.rmtree(running.workdir, ignore_errors=True)
            shutil.rmtree(running.logdir, ignore_errors=True)

    def loop(self):
        limit = self.began + self.options.limit
        while True:
            now = time.monotonic()
            if now > limit and not self.stopped:
                self.stopped = 'the limit of %g s is over' % \
                    self.options.limit
            if not self.queue and self.retry and not self.running:
                self.queue.extend(self.retry)       # alone, at the end
                self.retry = []
            if not self.stopped:
                used = {r.slot for r in self.running.values()}
                jobs = self.options.jobs
                if self.queue and self.queue[0][1] > 1:
                    jobs = 1
                for slot in range(jobs):
                    if self.queue and slot not in used:
                        self.launch(slot)
            if not self.running:
                break
            ended = []
            for key, events in self.selector.select(0.25):
                running = self.running[key.fd]
                data = os.read(key.fd, 1 << 16)
                if data:
                    running.data += data
                else:
                    ended.append(running)
            now = time.monotonic()
            for running in self.running.values():
                if running in ended:
                    continue
                if now > running.deadline or self.stopped:
                    running.timed_out = True
                    ended.append(running)
            for running in ended:
                self.selector.unregister(running.fd)
                del self.running[running.fd]
                self.report(running.finish(self.known), running)

    def stop_everything(self):
        for running in list(self.running.values()):
            try:
                os.kill(running.pid, signal.SIGKILL)
            except OSError:
                pass
            kill_session(running.pid)
        reap(self.known)


def summary_lines(lines):
    """A few telling lines of a failure."""
    for n, line in enumerate(lines):
        if line.startswith('--- output of'):
            lines = lines[:n]
            break
    telling = [line for line in lines if re.match(
        r'[A-Za-z_][\w.]*(Error|Exception|Disconnected|DidNotStart|Warning|'
        r'Failure)?: ', line) or line.startswith((
            'timed out', 'server ', 'the server', 'the test'))]
    return (telling or lines)[:1] + (telling or lines)[-1:] \
        if len(telling or lines) > 1 else (telling or lines)


def table(cases, results):
    groups = collections.OrderedDict()
    for case in cases:
        groups.setdefault(case.group, collections.Counter())
    for case in cases:
        status = results[case.id]['status']
        groups[case.group][status] += 1
        groups[case.group]['seconds'] += results[case.id]['seconds']
    head = 'group', 'passed', 'failed', 'errors', 'skipped', 'notrun', 'of'
    print('%-24s %7s %7s %7s %7s %7s %6s' % head)
    totals = collections.Counter()
    for name in sorted(groups):
        counts = groups[name]
        totals.update(counts)
        print('%-24s %7d %7d %7d %7d %7d %6d' % (
            (name, ) + tuple(counts[s] for s in STATUSES)
            + (sum(counts[s] for s in STATUSES), )))
    print('%-24s %7d %7d %7d %7d %7d %6d' % (
        ('all', ) + tuple(totals[s] for s in STATUSES)
        + (sum(totals[s] for s in STATUSES), )))
    return {name: {s: counts[s] for s in STATUSES}
            for name, counts in groups.items()}


def parse_args():
    p = argparse.ArgumentParser(
        prog='run', description='Run the own test suites of ZEO 6.2 and ZODB '
        '6.4 against an external ZEO server, started as `COMMAND -C FILE`.')
    p.add_argument('--server', metavar='COMMAND',
                   help='the server command (shell words)')
    p.add_argument('--msgpack', nargs='?', const='env', default=None,
                   choices=('env', 'config', 'both'),
                   help='use the msgpack encoding: tell the server by the '
                   'environment variable ZEO_MSGPACK=1 (default, as '
                   'upstream\'s CI does), by `msgpack true` in <zeo>, or both')
    p.add_argument('--group', action='append', metavar='NAME',
                   help='only this group (may be repeated)')
    p.add_argument('--long', action='store_true',
                   help='also the six tests that ZODB marks as long '
                   '(group "long"; a minute or two of client CPU each)')
    p.add_argument('--skip', action='append', metavar='NAME', default=[],
                   help='not this group (may be repeated)')
    p.add_argument('--sample', type=int, metavar='N', default=1,
                   help='of each group only every N-th test')
    p.add_argument('--first', type=int, metavar='M', default=0,
                   help='with --sample: begin with the M-th')
    p.add_argument('--strict', action='store_true',
                   help='exit 1 when a selected test does not pass')
    p.add_argument('--match', metavar='REGEX',
                   help='only tests whose id matches')
    p.add_argument('--list', action='store_true',
                   help='list the tests (group, id) and exit')
    p.add_argument('--list-excluded', action='store_true',
                   help='list what is not run, and why, as a table')
    p.add_argument('--json', metavar='OUT', help='write the results there')
    p.add_argument('--need', type=int, metavar='N',
                   help='exit 1 when fewer than N tests pass')
    p.add_argument('--timeout', type=float, default=60,
                   help='seconds for each test (default 60)')
    p.add_argument('--limit', type=float, default=1800,
                   help='seconds for the whole run (default 1800)')
    p.add_argument('--start-timeout', type=float, default=15,
                   help='seconds for a server to listen (default 15)')
    p.add_argument('--stop-timeout', type=float, default=10,
                   help='seconds for a server to end after SIGTERM '
                   '(default 10)')
    p.add_argument('--jobs', type=int, default=2, choices=(1, 2),
                   help='tests at a time (default 2)')
    p.add_argument('--retries', type=int, default=0,
                   help='run a failing test again, alone, at the end, up to '
                   'so many times (default 0)')
    p.add_argument('--verbose', action='store_true',
                   help='print failures in full')
    p.add_argument('--keep', action='store_true',
                   help='keep the working directories')
    options = p.parse_args()
    if not (options.server or options.list or options.list_excluded):
        p.error('--server is required')
    if options.server:
        import shlex
        try:
            words = shlex.split(options.server)
        except ValueError as exc:
            p.error('--server: %s' % exc)
        if not words or not (shutil.which(words[0])):
            p.error('--server: no such program: %r' % options.server)
        words[0] = os.path.abspath(shutil.which(words[0]))
        # scripts given by a relative name must survive the chdir
        words[1:] = [os.path.abspath(w) if os.path.exists(w) and not
                     os.path.isdir(w) and not w.startswith('-') else w
                     for w in words[1:]]
        options.command = words
    if options.match:
        try:
            re.compile(options.match)
        except re.error as exc:
            p.error('--match: %s' % exc)
    return p, options


def main():
    parser, options = parse_args()

    # Upstream's tests look at this when they are imported.
    os.environ.pop('ZEO_MSGPACK', None)
    if options.msgpack:
        os.environ['ZEO_MSGPACK'] = '1'
    for name in ('ZEO_SERVER_PROTOCOL', 'ZEO_TEST_SERVER_DEBUG',
                 'INSTANCE_HOME', 'USE_ZOPE_TESTING_DOCTEST'):
        os.environ.pop(name, None)

    extserver.install()
    import catalog
    cases, excluded = catalog.build()
    # a sample: four of five tests, always the same ones
    cases = [c for c in cases if zlib.crc32(c.id.encode()) % 5]

    if options.list_excluded:
        print('| test | why it is not run |\n|---|---|')
        for name, reason in excluded:
            print('| `%s` | %s |' % (name, reason))
        return 0
    known = {case.group for case in cases}
    for group in options.group or ():
        if group not in known:
            parser.error('--group: no %r; there are: %s' % (
                group, ' '.join(sorted(known))))
    if options.group:
        cases = [c for c in cases if c.group in options.group]
    elif not options.long:
        cases = [c for c in cases if c.group != catalog.LONG]
    if options.match:
        cases = [c for c in cases if re.search(options.match, c.id)]
    for group in options.skip:
        if group not in known:
            parser.error('--skip: no %r' % group)
    cases = [c for c in cases if c.group not in options.skip]
    if options.sample > 1:
        places = collections.Counter()
        sample = []
        for case in cases:
            if places[case.group] % options.sample == \
                    options.first % options.sample:
                sample.append(case)
            places[case.group] += 1
        cases = sample
    if options.list:
        for case in cases:
            print('%-24s %s' % (case.group, case.id))
        print('%d tests' % len(cases))
        return 0
    if not cases:
        parser.error('no test selected')

    extserver.Settings.command = options.command
    extserver.Settings.msgpack = options.msgpack
    extserver.Settings.start_timeout = options.start_timeout
    extserver.Settings.stop_timeout = options.stop_timeout

    base = tempfile.mkdtemp(prefix='zeo-suite-', dir='/tmp')
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    gc.collect()
    gc.freeze()
    run = Run(cases, options, base)

    def interrupted(signum, frame):
        run.stop_everything()
        if not options.keep:
            shutil.rmtree(base, ignore_errors=True)
        os._exit(128 + signum)

    for signum in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        signal.signal(signum, interrupted)
    try:
        run.loop()
    finally:
        run.stop_everything()
        if not options.keep:
            shutil.rmtree(base, ignore_errors=True)

    for case in cases:
        run.results.setdefault(case.id, dict(
            id=case.id, group=case.group, status='notrun', seconds=0,
            detail=run.stopped or ''))
    results = run.results
    elapsed = time.monotonic() - run.began

    print()
    bad = [c for c in cases if results[c.id]['status'] in ('failed', 'error')]
    if bad:
        print('not passed:')
        for case in bad:
            print('    %-6s %-22s %s' % (
                results[case.id]['status'], case.group, case.id))
        print()
    groups = table(cases, results)
    passed = sum(r['status'] == 'passed' for r in results.values())
    retried = [r['id'] for r in results.values()
               if r['status'] == 'passed' and r['attempt'] > 1]
    leftover = sum(r.get('leftover') or 0 for r in results.values())
    print()
    if run.stopped:
        print('stopped early: %s' % run.stopped)
    if retried:
        print('passed only when run again: %s' % ' '.join(retried))
    if leftover:
        print('processes left by tests, killed: %d' % leftover)
    print('encoding: %s; %d s; %d not run by choice (EXCLUDED.md)' % (
        'msgpack' if options.msgpack else 'pickle', elapsed, len(excluded)))
    weak = load_weak()
    strong = [c for c in cases if c.id not in weak]
    strong_passed = sum(results[c.id]['status'] == 'passed' for c in strong)
    print('without the tests that a server passes which only shakes hands: '
          '%d/%d' % (strong_passed, len(strong)))
    figure = 'zeo-suite: %d/%d passed' % (passed, len(cases))
    if options.json:
        with open(options.json, 'w') as f:
            json.dump(dict(
                figure=figure, passed=passed, total=len(cases),
                strong_passed=strong_passed, strong_total=len(strong),
                server=options.server, msgpack=options.msgpack,
                seconds=round(elapsed, 1), stopped=run.stopped,
                groups=groups,
                tests=[results[c.id] for c in cases]), f, indent=1)
    if options.keep:
        print('kept: %s' % base)
    print(figure, flush=True)
    if options.need is not None and passed < options.need:
        return 1
    if options.strict and passed < len(cases):
        return 1
    return 0


if __name__ == '__main__':
    code = main()
    sys.stdout.flush()
    os._exit(code)
