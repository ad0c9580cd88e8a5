/*
 * set: sets of addresses as sorted, disjoint, non-adjacent closed ranges.
 *
 * Values: immutable once made, their ranges live in an arena.  Every operation is
 * linear in its inputs.  When memory runs out the result is the empty set and the
 * arena says so (bh_arena_ok); never use a result without asking.
 */
#pragma once

#include "base/addr.h"
#include "base/arena.h"
#include "base/buf.h"

struct bh_range {
	bh_u128 lo, hi; /* both included */
};

/* Ranges within one number space. */
struct bh_ranges {
	const struct bh_range *v;
	size_t n;
};

struct bh_ranges bh_ranges_one(struct bh_arena *a, bh_u128 lo, bh_u128 hi);
/* From any order, overlapping or not; lo > hi is our bug. */
struct bh_ranges bh_ranges_from(struct bh_arena *a, const struct bh_range *v, size_t n);
struct bh_ranges bh_ranges_union(struct bh_arena *a, struct bh_ranges x, struct bh_ranges y);
struct bh_ranges bh_ranges_intersect(struct bh_arena *a, struct bh_ranges x, struct bh_ranges y);
struct bh_ranges bh_ranges_subtract(struct bh_arena *a, struct bh_ranges x, struct bh_ranges y);
/* Within 0..max. */
struct bh_ranges bh_ranges_complement(struct bh_arena *a, struct bh_ranges x, bh_u128 max);
bool bh_ranges_contain(struct bh_ranges x, bh_u128 num);
bool bh_ranges_equal(struct bh_ranges x, struct bh_ranges y);

/* Both families side by side; {0} is the empty set. */
struct bh_addrset {
	struct bh_ranges v4, v6;
};

struct bh_addrset bh_addrset_full(struct bh_arena *a);
struct bh_addrset bh_addrset_one(struct bh_arena *a, const struct bh_addr *addr);
/* lo and hi of one family, lo <= hi. */
struct bh_addrset bh_addrset_range(
	struct bh_arena *a, const struct bh_addr *lo, const struct bh_addr *hi);
struct bh_addrset bh_addrset_union(struct bh_arena *a, struct bh_addrset x, struct bh_addrset y);
struct bh_addrset bh_addrset_intersect(
	struct bh_arena *a, struct bh_addrset x, struct bh_addrset y);
struct bh_addrset bh_addrset_subtract(struct bh_arena *a, struct bh_addrset x, struct bh_addrset y);
struct bh_addrset bh_addrset_complement(struct bh_arena *a, struct bh_addrset x);
bool bh_addrset_contains(const struct bh_addrset *x, const struct bh_addr *addr);
bool bh_addrset_equal(const struct bh_addrset *x, const struct bh_addrset *y);

static inline bool bh_addrset_empty(const struct bh_addrset *x)
{
	return !x->v4.n && !x->v6.n;
}

static inline struct bh_ranges bh_addrset_of(const struct bh_addrset *x, uint8_t family)
{
	return family == BH_V4 ? x->v4 : x->v6;
}

/* One address, prefix or range per item, sep between them: "10.0.0.0/8, fd00::1". */
void bh_range_format(uint8_t family, const struct bh_range *r, struct bh_buf *b);
void bh_addrset_format(const struct bh_addrset *x, const char *sep, struct bh_buf *b);

/* The fewest CIDR prefixes that cover exactly r: calls back in ascending order. */
typedef void (*bh_prefix_fn)(void *ctx, bh_u128 num, unsigned bits);
void bh_range_prefixes(uint8_t family, const struct bh_range *r, bh_prefix_fn fn, void *ctx);
