/*
 * standing: what a dump says stands in the kernel.
 *
 * Pure.  The kernel itself is asked which generation decides and which is on trial;
 * files only add what it cannot know (the deadline, what the table should look like).
 */
#pragma once

#include "base/arena.h"
#include "enforce/enforce.h"
#include "model/table.h"
#include "priv/priv.h"

struct generation {
	uint32_t number; /* 0: none */
	enum bh_mode mode;
	unsigned hooks; /* BH_HOOK_BIT mask */
	bool told; /* its comment was read: mode and hash are known */
	uint8_t hash[BH_HASH];
};

struct standing {
	bool table; /* inet bulkhead is there */
	uint32_t kernel_generation; /* nf_tables' own */
	struct generation settled, trial;
	uint32_t highest; /* highest generation of any name */
	/* The lease. */
	bool lease; /* the set is there */
	unsigned live; /* elements of it that have not lapsed */
	uint32_t left_ms; /* until the first lapses */
	uint64_t timeout_ms; /* what they were given */
	bool lease_odd; /* an element that never lapses, or more than one length */
	/* Names of ours, for taking a generation away. */
	const char **chains, **sets;
	size_t n_chains, n_sets;
	/* Of the generation that decides now. */
	struct bh_priv_counter counters[BH_MAX_GATES];
	size_t n_counters;
	/* Everything that must not change by itself: lease elements, counters' values,
	 * handles and expirations left out. */
	uint8_t digest[BH_HASH];
};

/* -ENOMEM. */
BH_MUST int standing_read(struct bh_span dump, struct bh_arena *a, struct standing *ret);
