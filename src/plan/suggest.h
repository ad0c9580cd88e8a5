/*
 * suggest: what the parts of the suggestion share.  The room's own.
 */
#pragma once

#include "plan/known.h"

/* All rows of one client at one server's port. */
struct pair {
	const struct bh_row *const *rows;
	size_t n;
	const struct bh_talk *who; /* of the first row */
	unsigned service; /* one BH_SVC_*; 0: not governed */
	enum bh_left_out why; /* BH_LEFTS: allowed */
};

/* Sums up; what does not fit into memory leaves the arena failed. */
void suggest_seen(
	const struct pair *const *pairs, size_t n, struct bh_arena *a, struct bh_seen *ret);

/* What clients called these servers, sorted and distinct. */
void suggest_called(const struct pair *const *pairs, size_t n, struct bh_arena *a,
	struct bh_suggested_set *ret);

/* Takes addresses of ret->addrs out that a name of ret->called stands for. */
void suggest_machines(
	const struct bh_names *names, struct bh_arena *a, struct bh_suggested_set *ret);
