/*
 * spans: sets of known hosts as runs of their numbers.  The room's own.
 *
 * Hosts are sorted by address, so that a set of address ranges is a few runs of hosts.
 * When memory runs out the arena says so, as in base/set.h.
 */
#pragma once

#include "plan/known.h"

struct span {
	uint32_t lo, hi; /* hosts lo … hi - 1 */
};

struct spans {
	struct span *v;
	size_t n, cap;
};

/* The first host of a family whose number is not below num. */
uint32_t spans_lower(const struct known *k, uint8_t family, bh_u128 num);

void spans_push(struct spans *s, struct bh_arena *a, uint32_t lo, uint32_t hi);
void spans_push_all(struct spans *s, struct bh_arena *a, const struct spans *more);
/* The known hosts whose addresses are in those ranges. */
void spans_push_ranges(struct spans *s, struct bh_arena *a, const struct known *k, uint8_t family,
	struct bh_ranges r);

/* Sorted, disjoint, not adjacent. */
void spans_join(struct spans *s);

/* Of what is joined. */
bool spans_hold(const struct spans *s, uint32_t host);
uint64_t spans_count(const struct spans *s);
bool spans_equal(const struct spans *x, const struct spans *y);
