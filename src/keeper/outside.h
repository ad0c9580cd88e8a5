/*
 * outside: what of this machine no proof about nftables can speak of.
 */
#pragma once

#include "keeper/keeper.h"

/* Sentences without a full stop.  -ENOMEM. */
BH_MUST int bh_keeper_outside(
	const struct bh_ready *r, struct bh_arena *a, const char *const **ret, size_t *n_ret);
