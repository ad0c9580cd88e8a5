/*
 * referred: where servers say that the parts of DFS namespaces are, from the sensor until
 * it is in the database.  So many are kept; of what there is no room for it says so.
 */
#pragma once

#include "store/store.h"

struct bh_referred; /* owned */

/* seed: random in production; keys the hash against chosen paths. */
struct bh_referred *bh_referred_new(uint64_t seed);
struct bh_referred *bh_referred_free(struct bh_referred *all);

/* 1: it was news; 0; -ENOSPC when there is no room; -ENOMEM. */
BH_MUST int bh_referred_add(struct bh_referred *all, const struct bh_referral *r);
/* Writes what bh_referred_saved was not told of, in a batch of the store. */
BH_MUST int bh_referred_save(
	const struct bh_referred *all, struct bh_store *store, uint32_t source);
void bh_referred_saved(struct bh_referred *all);
