#
# Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
# Licensed under the Apache License, Version 2.0; see LICENSE.
# SPDX-License-Identifier: Apache-2.0

# Each command does its own set-up, and nothing twice.

export ZKZEO_WARNINGS_AS_ERRORS = 1

# Tests that wait for peers would crowd each other out if all began at once.
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH = 4

# What ThreadSanitizer looks at: the bridge to libzookeeper, the registry, the storages' write path, packs and undo, and the
# server's commits, walks and uploads.
TSAN_SUITES = SessionLife|RealSession|Flood|Lease|Takeover|WatcherTests|CommitLockTests|GroupCommit|StorageConcurrency|StorageBehaviour|ServerOrdering|ServerCommitLock|ConcurrencyTests|PackConcurrency|FileStorageUndo|HostileCall|LongAnswer

# Python peers cannot keep pace with a server that is ten times as slow; they run in `make test`.
TSAN_SKIPPED = Python|Suspending

TSAN = --sanitize=thread -Xswiftc -DTHREAD_SANITIZER --scratch-path .build-tsan

# ZEO's own tests. What cannot pass outside Python is not run: classes that the server would have to execute.
# CONFORMANCE='--group blobs' runs some of them.
CONFORMANCE = --skip server-side-resolution
CONFORMANCE_RUN = ZEO_SUITE_CACHE=$(CURDIR)/.build-conformance Tests/Conformance/zeo/run --strict \
	--server '$(CURDIR)/.build/debug/zkrunzeo' $(CONFORMANCE)

.PHONY: conformance conformance-sample docs examples build install demo test check tsan evidence benchmark

build:
	scripts/setup build
	swift build -c release --product zkrunzeo

# make install PREFIX=/usr DESTDIR=/tmp/package
PREFIX ?= /usr/local

install: build
	install -D -m 755 .build/release/zkrunzeo '$(DESTDIR)$(PREFIX)/bin/zkrunzeo'
	ln -sf zkrunzeo '$(DESTDIR)$(PREFIX)/bin/zkzeo-nagios'

demo:
	scripts/setup build
	swift build --product zkrunzeo
	@exec .build/debug/zkrunzeo demo

# make test FILTER=FileStorage runs some of the tests.
test:
	scripts/setup test
	swift build --build-tests
	scripts/check-documented
	swift test --skip-build $(if $(FILTER),--filter '$(FILTER)')

conformance:
	scripts/setup test
	swift build --product zkrunzeo
	$(CONFORMANCE_RUN)
	$(CONFORMANCE_RUN) --msgpack

# Every eighth test with pickles, and another eighth with MessagePack: what CI has time for.
SAMPLED = $(addprefix --group ,filestorage filestorage-ssl mappingstorage demostorage blobstorage blobstorage-shared blobs \
	blobs-shared connection connection-ssl connection-mapping connection-misc reconnection recovery \
	invalidation-queue transaction-timeout client-side-resolution external-gc server-status server-log config)
conformance-sample:
	scripts/setup test
	swift build --product zkrunzeo
	$(CONFORMANCE_RUN) $(SAMPLED) --sample 8
	$(CONFORMANCE_RUN) $(SAMPLED) --sample 8 --first 4 --msgpack

# A service and a script beside it, built as somebody else's package and tried.
examples:
	scripts/setup test
	swift build --product zkrunzeo
	swift build --package-path Examples
	Examples/run

check:
	scripts/check

tsan:
	scripts/setup test
	swift build --build-tests $(TSAN)
	TSAN_OPTIONS="halt_on_error=1 suppressions=$(CURDIR)/scripts/tsan/suppressions" \
		swift test --skip-build $(TSAN) --filter '$(TSAN_SUITES)' --skip '$(TSAN_SKIPPED)'

# The reference documentation of the libraries, by DocC.
docs:
	scripts/setup build
	scripts/docs

evidence:
	scripts/evidence

benchmark:
	scripts/setup test
	swift build -c release --product zkrunzeo
	swift build -c release --package-path Benchmarks
	Benchmarks/side-by-side
