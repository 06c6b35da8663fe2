#
# Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
# Licensed under the Apache License, Version 2.0; see LICENSE.
# SPDX-License-Identifier: Apache-2.0

# Each command does its own set-up, and nothing twice.

export ZKZEO_WARNINGS_AS_ERRORS = 1

.PHONY: test check

test:
	scripts/setup test
	swift build --build-tests
	swift test --skip-build $(if $(FILTER),--filter '$(FILTER)')

check:
	scripts/check
