//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

#ifndef ZKZEO_CZLIB_SHIM_H
#define ZKZEO_CZLIB_SHIM_H

#include <zlib.h>

#endif
