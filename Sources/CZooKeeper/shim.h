//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

#ifndef ZKZEO_CZOOKEEPER_SHIM_H
#define ZKZEO_CZOOKEEPER_SHIM_H

// The multi-threaded library; without this the header declares the single-threaded one.
#define THREADED
#include <zookeeper/zookeeper.h>

#endif
