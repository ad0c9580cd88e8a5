/*
 * kernel: bulkhead-priv's netlink: one transaction out, raw dumps in.
 */
#pragma once

#include "priv/priv.h"

struct kernel {
	int fd;
	uint32_t seq;
	char why[300]; /* of the last failure */
};

BH_MUST int kernel_open(struct kernel *k);

/* Sends a whole batch (bh_enforce_*) as one transaction and waits for the verdict. */
BH_MUST int kernel_commit(struct kernel *k, const struct bh_buf *batch);

/* generation, tables, chains, sets, elements, rules, flowtables, generation: messages one
 * after the other.  ours: only `inet bulkhead`, without the generations. */
BH_MUST int kernel_dump(struct kernel *k, bool ours, struct bh_buf *ret);
