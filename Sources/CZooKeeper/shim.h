//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

#ifndef ZKZEO_CZOOKEEPER_SHIM_H
#define ZKZEO_CZOOKEEPER_SHIM_H

// The multi-threaded library; without this the header declares the single-threaded one.
#define THREADED
#include <zookeeper/zookeeper.h>

// libzookeeper's stock ACLs are global variables, which Swift rightly takes for shared mutable state. They are never
// changed; these functions hand out their addresses.

static inline const struct ACL_vector *zkzeo_acl_open_unsafe(void) { return &ZOO_OPEN_ACL_UNSAFE; }

static inline const struct ACL_vector *zkzeo_acl_read_unsafe(void) { return &ZOO_READ_ACL_UNSAFE; }

static inline const struct ACL_vector *zkzeo_acl_creator_all(void) { return &ZOO_CREATOR_ALL_ACL; }

// The log level is process-global; 0, which the enumeration does not name, turns the lines off.
static inline void zkzeo_set_log_level(int level) { zoo_set_debug_level((ZooLogLevel)level); }

// Whether a pointer to an array of operations is given or not, libzookeeper reads no more than `count` of them; a call
// with none is legal and still wants an address.
static inline int zkzeo_amulti(zhandle_t *handle, int count, const zoo_op_t *operations, zoo_op_result_t *results,
                               void_completion_t completion, const void *data) {
    zoo_op_t none;
    zoo_op_result_t nothing;
    return zoo_amulti(handle, count, count ? operations : &none, count ? results : &nothing, completion, data);
}

#endif
