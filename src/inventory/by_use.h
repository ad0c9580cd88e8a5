/*
 * by_use: the address of a server that a log names, where nothing tells both, by what it
 * served.  The room's own.
 *
 * A client that used a share of a server known by address, and at the same time that share
 * of one known by name alone, used one server; if that holds of one address only, it is
 * the name's.  IPC$, which every server has, is no witness.
 */
#pragma once

#include "inventory/naming.h"

struct by_use_entry {
	const char *name;
	uint32_t source; /* of a log that does not say whose it is; else 0 */
	struct bh_addr addr;
	bool several;
};

struct by_use {
	struct by_use_entry *v; /* by name, source */
	size_t n;
};

/* -ENOMEM. */
BH_MUST int by_use_from(const struct bh_row *rows, size_t n, const struct naming *names,
	struct bh_arena *a, struct by_use *ret);

/* False: not known. */
bool by_use_find(const struct by_use *t, const struct bh_row *row, struct bh_addr *ret);
