/*
 * merge: many sets of hosts become few, the cheapest union first.
 *
 * Every item is some hosts of one side and the set of those they need on the other; it
 * costs as many pairs as both make.  Exact in what it counts, greedy in what it joins.
 */
#pragma once

#include "base/arena.h"

struct merge_item {
	uint64_t members[2]; /* of IPv4, of IPv6 */
	uint64_t *bits; /* the hosts they need */
	uint64_t size[2]; /* how many, of each family */
	uint32_t nearest; /* of the items behind it that are left, and what joining it costs */
	uint64_t growth;
	bool gone;
};

struct merge {
	size_t n, n_hosts, split; /* given: items, hosts, how many hosts are of IPv4 */
	size_t words[2]; /* of the bits of each family */
	struct merge_item *items;
	uint32_t *into; /* an item that is gone: the one before it that it went into */
	/* The items that are compared each with each, and for two of them how many hosts of
	 * each family both need. */
	uint32_t *live, *slot; /* live[slot[i]] == i */
	size_t n_live;
	uint32_t (*both)[2];
	/* The answer: in how many parts, which part each item is in, what all cost. */
	size_t left;
	uint32_t *part;
	uint64_t weight;
};

BH_MUST int merge_new(struct merge *m, struct bh_arena *a);
void merge_add(struct merge *m, uint32_t item, uint32_t host);

/* To at most `most` parts, and fewer where that costs nothing.  Called again with less, it
 * goes on from there.  -ENOMEM. */
BH_MUST int merge_to(struct merge *m, size_t most, struct bh_arena *a);
