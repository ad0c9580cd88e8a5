/*
 * inventory: folds facts into conversations, hosts and shares.
 *
 * Figures are kept per (conversation, source): a source told again replaces what it
 * said before, different sources are never summed twice, and the order of facts does
 * not matter.  Bounded: when a limit is reached the least recently seen leaf is given
 * up, counted, and said.
 */
#pragma once

#include "base/arena.h"
#include "model/fact.h"
#include "model/row.h"

struct bh_inventory; /* owned */

/* seed: random in production, fixed in tests; keys the hash against chosen input. */
struct bh_inventory *bh_inventory_new(uint64_t seed);
struct bh_inventory *bh_inventory_free(struct bh_inventory *inv); /* NULL is fine; returns NULL */
BH_AUTO_FREE(bh_inventory)

/* source: which evidence, as an id of the house's choosing.  -EBADMSG for an insane
 * fact (nothing changes), -ENOMEM. */
BH_MUST int bh_inventory_fold(struct bh_inventory *inv, uint32_t source, const struct bh_fact *f);

/* All rows in bh_conversation_compare order, in the arena.  -ENOMEM. */
BH_MUST int bh_inventory_rows(
	const struct bh_inventory *inv, struct bh_arena *a, const struct bh_row **ret, size_t *n_ret);

/* Derived from rows; in the arena, sorted.  -ENOMEM. */
BH_MUST int bh_inventory_hosts(const struct bh_row *rows, size_t n, struct bh_arena *a,
	const struct bh_host_row **ret, size_t *n_ret);
BH_MUST int bh_inventory_shares(const struct bh_row *rows, size_t n, struct bh_arena *a,
	const struct bh_share_row **ret, size_t *n_ret);
