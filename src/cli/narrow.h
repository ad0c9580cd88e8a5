/*
 * narrow: of a large inventory as few rows as answer a question, and none too few.
 */
#pragma once

#include "cli/inventory.h"

/* The rows that f leaves, and all that these must be joined with, or need to say what they
 * are for; others may be among them.  inv has its sources.  0 or -errno. */
BH_MUST int bh_cli_narrow(struct bh_store *s, const struct bh_store_filter *f, struct bh_arena *a,
	struct bh_cli_inventory *inv);
