/*
 * seen: what a dump of our own table says about itself: which generation decides, which
 * is on trial, their modes and hashes, the gates' counters, a digest of it all.
 */
#pragma once

#include "base/arena.h"
#include "priv/priv.h"

#define SEEN_MAX_NAMES 16384u

struct seen {
	struct bh_priv_state state;
	unsigned hooks, trial_hooks; /* of the settled generation, and the one on trial */
	uint32_t highest; /* generation of any chain that stands there */
	const char *const *chains, *const *sets; /* every name in our table */
	size_t n_chains, n_sets;
	uint64_t digest[2]; /* of everything that loading decides; counters left out */
};

/* -EBADMSG for what is no dump, -ENOMEM. */
BH_MUST int seen_read(struct bh_span dump, struct bh_arena *a, struct seen *ret);

/* The names of one generation among names. */
BH_MUST int seen_of(const char *const *names, size_t n, uint32_t generation, struct bh_arena *a,
	const char *const **ret, size_t *n_ret);
