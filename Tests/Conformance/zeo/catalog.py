# Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
# Licensed under the Apache License, Version 2.0; see LICENSE.
# SPDX-License-Identifier: Apache-2.0
"""Which upstream tests run, in which group, and which do not, and why.

Nothing here is test code: the tests are imported from the installed ZEO and
ZODB packages.  ``extserver.install()`` must have been called before.
"""
import unittest


# class name in ZEO.tests.testZEO -> group
ZEO_CLASSES = {
    'FileStorageTests': 'filestorage',
    'FileStorageSSLTests': 'filestorage-ssl',
    'MappingStorageTests': 'mappingstorage',
    'DemoStorageTests': 'demostorage',
    'BlobAdaptedFileStorageTests': 'blobstorage',
    'BlobWritableCacheTests': 'blobstorage-shared',
    'FileStorageRecoveryTests': 'recovery',
    'ClientConflictResolutionTests': 'client-side-resolution',
    'ZRPCConnectionTests': 'connection-misc',
}

# class name in ZEO.tests.testConnection -> group
CONNECTION_CLASSES = {
    'FileStorageConnectionTests': 'connection',
    'FileStorageReconnectionTests': 'reconnection',
    'FileStorageInvqTests': 'invalidation-queue',
    'FileStorageTimeoutTests': 'transaction-timeout',
    'MappingStorageConnectionTests': 'connection-mapping',
    'MappingStorageTimeoutTests': 'transaction-timeout',
    'SSLConnectionTests': 'connection-ssl',
}

# doctests of ZEO.tests.testZEO (and the files its test_suite() names) -> group
DOCTESTS = {
    'ZEO.tests.testZEO.can_use_empty_string_for_local_host_on_client':
        'zeo-doctests',
    'ZEO.tests.testZEO.client_asyncore_thread_has_name': 'zeo-doctests',
    'ZEO.tests.testZEO.client_has_newer_data_than_server': 'zeo-doctests',
    'ZEO.tests.testZEO.client_labels': 'server-log',
    'ZEO.tests.testZEO.close_client_storage_w_invalidations': 'zeo-doctests',
    'ZEO.tests.testZEO.convenient_to_pass_port_to_client_and_ZEO_dot_client':
        'zeo-doctests',
    'ZEO.tests.testZEO.dont_log_poskeyerrors_on_server': 'server-log',
    'ZEO.tests.testZEO.gracefully_handle_abort_while_storing_many_blobs':
        'zeo-doctests',
    'ZEO.tests.testZEO.history_over_zeo': 'zeo-doctests',
    'ZEO.tests.testZEO.invalidate_client_cache_entry_on_server_commit_error':
        'zeo-doctests',
    'ZEO.tests.testZEO.open_convenience': 'zeo-doctests',
    'ZEO.tests.testZEO.quick_close_doesnt_kill_server': 'zeo-doctests',
    'ZEO.tests.testZEO.runzeo_logrotate_on_sigusr2': 'runzeo-cli',
    'ZEO.tests.testZEO.runzeo_without_configfile': 'runzeo-cli',
    'ZEO.tests.testZEO.test_prefetch': 'zeo-doctests',
    'ZEO.tests.testZEO.test_runzeo_msgpack_support': 'zeo-doctests',
    'ZEO.tests.testZEO.test_ruok': 'server-status',
    'ZEO.tests.testZEO.test_server_status': 'server-status',
    'ZEO.tests.testZEO.tpc_finish_error': 'zeo-doctests',
    'ZEO.tests.testZEO.unix_domain_sockets': 'zeo-doctests',
    'ZEO.tests.IterationTests.iterator_sane_after_reconnect': 'zeo-doctests',
    'ZEO.tests.testConnection.invalidations_while_connecting': 'connection',
    'drop_cache_rather_than_verify_txt': 'zeo-doctests',
    'client-config_test': 'zeo-doctests',
    'zeo_blob_cache_test': 'zeo-doctests',
    'invalidation-age_txt': 'zeo-doctests',
    'nagios_rst': 'server-status',
    'IExternalGC_test': 'external-gc',
    'zeo-fan-out_test': 'fan-out',
    'new_addr_test': 'zeo-doctests',
}

# Tests that need the server to execute the Python method
# ``_p_resolveConflict`` of the stored objects' class.  Found by running the
# suite against runzeo with tryToResolveConflict() disabled: these are the
# ones that then fail.  (class or None, method)
SERVER_SIDE_RESOLUTION = {
    'checkResolve', 'testUndoConflictResolution',
    'testUndoMultipleConflictResolution',
    'testUndoMultipleConflictResolutionReversed',
    'test_client_side',
}
# ... but here it is the client that resolves:
CLIENT_RESOLVES = {'ClientConflictResolutionTests'}

# What ZODB marks @long_test: 64 threads that open and close 768 databases, for
# a minute or more of the client's own CPU, with a limit of 120 s in the test
# itself that a busy machine exceeds whatever the server does.  These run only
# with --long or --group long, and get four times the time of other tests.
LONG = 'long'

# What is not run.  (test or class or module, reason)
EXCLUDED = []


def exclude(name, reason):
    EXCLUDED.append((name, reason))


NOT_SERVER = 'never talks to a server process: '
PYTHON_SERVER = 'the server executes Python code by design: '
VACUOUS = 'empty in this ZEO/ZODB pair, passes whatever the server does: '
UPSTREAM = 'fails against upstream\'s own in-process server too: '

# -- modules and classes ------------------------------------------------
exclude('ZEO.tests.testZEO.FileStorageHexTests',
        PYTHON_SERVER + '`%import ZODB.tests` / `<hexstorage>` names a Python '
        'class that wraps the storage inside the server')
exclude('ZEO.tests.testZEO.FileStorageClientHexTests',
        PYTHON_SERVER + '`%import ZODB.tests` / `<serverhexstorage>` names a '
        'Python class the server needs to read references and classes out '
        'of records that the client has hex-encoded')
exclude('ZEO.tests.testZEO.FileStorageLoadDelayedTests',
        PYTHON_SERVER + '`%import ZEO.tests` / `<loaddelayed_storage>` names '
        'a Python class that sleeps after each load inside the server')
exclude('ZEO.tests.testssl.SSLConfigTest.test_ssl_pw',
        PYTHON_SERVER + '`password-function ZEO.tests.testssl.pwfunc` is a '
        'Python function imported by the server (and no client connects)')
exclude('ZEO.tests.testssl.SSLConfigTestMockiavellian.*',
        NOT_SERVER + 'mocks of ssl, asyncio and ClientStorage')
exclude('ZEO.tests.testZEO.Test_convenience_functions.*',
        NOT_SERVER + 'mocks of ZEO.client and ZODB.DB')
exclude('ZODB.tests.util.AAAA_Test_Runner_Hack.testNothing',
        NOT_SERVER + 'empty test')
exclude('ZEO.tests.testConversionSupport.*',
        NOT_SERVER + 'ZEOStorage over a fake storage and ClientStorage over '
        'a fake runner, both in the test process')
exclude('ZEO.tests.testZEO2.*',
        NOT_SERVER + 'StorageServer objects driven in process through '
        'ZEO.tests.servertesting')
exclude('ZEO.tests.testZEOServer.*',
        NOT_SERVER + 'subclass of runzeo.ZEOServer in process')
exclude('ZEO.tests.testZEOOptions.*',
        NOT_SERVER + 'runzeo.ZEOOptions objects in process')
exclude('ZEO.tests.testTransactionBuffer.*',
        NOT_SERVER + 'client data structure')
exclude('ZEO.tests.test_cache.*', NOT_SERVER + 'client cache file')
exclude('ZEO.tests.test_marshal.*',
        NOT_SERVER + 'the Python un-marshaller')
exclude('ZEO.asyncio.tests.*',
        NOT_SERVER + 'client and server protocol classes on a fake loop')
exclude('ZEO.tests.test_client_credentials.*',
        'in-process server internals: replaces ZEOStorage.register by a '
        'Python function and looks at its arguments')
exclude('ZEO.tests.test_sync.*',
        'in-process server internals: replaces `ping` of the server\'s '
        'ZEOStorage object and counts the calls')
exclude('ZEO.tests.test_client_side_conflict_resolution.'
        'ClientSideConflictResolutionTests.test_server_side',
        'in-process server internals: calls methods of a ZEOStorage object')
exclude('ZEO.tests.ConnectionTests.*V6',
        'mixins that upstream builds and never runs (no getConfig, in no '
        'test_suite())')
exclude('ZEO.tests.ConnectionTests.*.NOcheckMultiStorageTransaction',
        'switched off upstream by its name')
exclude('ZEO.tests.speed, ZEO.tests.stress, ZEO.tests.racetest',
        'scripts and helpers, not tests (speed and stress call forker '
        'functions that no longer exist)')

# -- doctests and files -------------------------------------------------
exclude('ZEO.tests.testZEO.ClientDisconnected_errors_are_TransientErrors',
        NOT_SERVER + 'one issubclass()')
exclude('ZEO.tests.testZEO.getInvalidationsAfterServerRestart',
        'in-process server internals: StorageServer(None, ...) objects')
exclude('ZEO.tests.testZEO.multiple_storages_invalidation_queue_is_not_insane',
        'in-process server internals: StorageServer(None, ...) objects')
exclude('zdoptions_test',
        NOT_SERVER + 'runzeo.ZEOOptions objects in process')
exclude('protocols_test',
        'needs a server patched to announce a protocol (Z4) that it does not '
        'speak; what is tested is that the Python client refuses it')
exclude('dynamic_server_ports_test',
        'in-process server internals: ZODB.event notifications with the '
        'StorageServer object')

# -- methods of the classes that do run ---------------------------------
# (class name or '*', method) -> reason
METHODS = {
    ('*', 'testPackUndoLog'):
        VACUOUS + '`pass` (checkPackUndoLog runs instead)',
    ('*', 'testZClassesArentResolved'):
        NOT_SERVER + 'asserts on a Python function of the client library',
    ('*', 'checkWriteMethods'):
        VACUOUS + 'does nothing as ZODB has no __version__ (testWriteMethods '
        'runs instead)',
    ('MappingStorageTests', 'checkSimpleIteration'): VACUOUS + '`pass`',
    ('MappingStorageTests', 'checkUndoZombie'): VACUOUS + '`pass`',
    ('DemoStorageTests', 'checkUndoZombie'): VACUOUS + '`pass`',
    ('DemoStorageTests', 'checkPackWithMultiDatabaseReferences'):
        VACUOUS + '`pass`',
    ('DemoStorageTests', 'checkPackAllRevisions'): VACUOUS + '`pass`',
}

# the same for tests of the blob suites (by the doctest's name)
BLOB_DOCTESTS = {
    'gc_blob_removes_uncommitted_data':
        NOT_SERVER + 'a Blob object and its temporary file',
    'lp440234_Setting__p_changed_of_a_Blob_w_no_uncomitted_changes_is_noop':
        NOT_SERVER + 'a MappingStorage in the test process',
}


class Case:

    timeout_factor = 1

    def __init__(self, id, group, make, prepare=None):
        self.id = id
        self.group = group
        self.make = make            # () -> unittest test
        self.prepare = prepare      # called in the test's process
        if group == LONG:
            self.timeout_factor = 4


def walk(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from walk(test)
        else:
            yield test


def test_methods(cls):
    return sorted(name for name in dir(cls)
                  if name.startswith(('check', 'test'))
                  and callable(getattr(cls, name)))


def method_reason(cls, method):
    return METHODS.get((cls.__name__, method)) or METHODS.get(('*', method))


def group_of(cls_name, method, group):
    if method in SERVER_SIDE_RESOLUTION and cls_name not in CLIENT_RESOLVES:
        return 'server-side-resolution'
    return group


def build():
    """Return (cases, excluded): excluded is EXCLUDED plus the methods."""
    import extserver

    import ZODB.tests.testblob

    import ZEO.tests.test_client_side_conflict_resolution as resolution
    import ZEO.tests.testConfig as testConfig
    import ZEO.tests.testConnection as testConnection
    import ZEO.tests.testssl as testssl
    import ZEO.tests.testZEO as testZEO

    testZEO.generate_script = extserver.generate_script

    cases = []
    excluded = list(EXCLUDED)
    names = {name for name, reason in excluded}

    def add_class(cls, group):
        for method in test_methods(cls):
            name = '%s.%s.%s' % (cls.__module__, cls.__name__, method)
            if name in names:
                continue
            reason = method_reason(cls, method)
            if reason:
                excluded.append((name, reason))
                continue
            where = group_of(cls.__name__, method, group)
            if getattr(getattr(cls, method), 'level', 1) > 1:
                where = LONG
            cases.append(Case(name, where,
                              lambda cls=cls, method=method: cls(method)))

    for module, classes in (testZEO, ZEO_CLASSES), \
                           (testConnection, CONNECTION_CLASSES):
        for name, group in classes.items():
            add_class(getattr(module, name), group)

    add_class(resolution.ClientSideConflictResolutionTests,
              'client-side-resolution')
    add_class(testConfig.ZEOConfigTest, 'config')
    add_class(testssl.SSLConfigTest, 'ssl-config')
    add_class(testZEO.MultiprocessingTests, 'zeo-doctests')

    # The doctests come out of upstream's own test_suite(), with the set-up
    # and the output checkers that upstream gives them.
    docs = {}
    for suite in testZEO.test_suite(), testConnection.test_suite():
        for test in walk(suite):
            if hasattr(test, '_dt_test'):
                docs.setdefault(test.id(), test)
    seen = set()
    for name, test in docs.items():
        group = DOCTESTS.get(name)
        if group:
            seen.add(name)
            label = name if name.startswith('ZEO') else (
                'ZEO.tests.' + test._dt_test.name
                if not name.startswith('IExternalGC') else
                'ZODB.tests.' + test._dt_test.name)
            prepare = None
            if name.endswith('runzeo_without_configfile'):
                def prepare():
                    extserver.redirect_script('runzeo')
            elif name.endswith('runzeo_logrotate_on_sigusr2'):
                def prepare():
                    extserver.redirect_script('s')
            cases.append(Case(label, group, lambda test=test: test, prepare))
        elif name not in names and not name.startswith(
                ('ZODB.tests.testblob.', 'blob_')):
            raise AssertionError('doctest in no list: %s' % name)
    missing = set(DOCTESTS) - seen
    if missing:
        raise AssertionError('no such doctests: %s' % sorted(missing))

    # ZODB's reusable blob suite, against a server with and without a blob
    # directory shared with the client.
    for prefix, group, factory in (
            ('ClientStorageNonSharedBlobs', 'blobs',
             testZEO.ServerManagingClientStorage),
            ('ClientStorageSharedBlobs', 'blobs-shared',
             testZEO.create_storage_shared)):
        for test in walk(ZODB.tests.testblob.storage_reusable_suite(
                prefix, factory)):
            short = test.id().rsplit('.', 1)[-1]
            name = '%s.%s' % (prefix, short)
            reason = BLOB_DOCTESTS.get(short)
            if reason:
                excluded.append((name, reason))
                continue
            cases.append(Case(name, group, lambda test=test: test))

    ids = [case.id for case in cases]
    assert len(ids) == len(set(ids)), 'duplicate ids'
    return cases, excluded
