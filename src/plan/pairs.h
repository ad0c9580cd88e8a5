/*
 * pairs: rows by who speaks to whom: one pair for each client at one port of a server.
 * The room's own.
 */
#pragma once

#include "plan/plan.h"

#define NOBODY UINT32_MAX

struct pair {
	const struct bh_row *const
		*rows; /* at least one, in one order whatever order they came in */
	const struct bh_talk *who; /* of the first row */
	uint32_t n;
	uint32_t client, server; /* hosts (known.h); NOBODY within one machine */
	struct bh_service at;
	bool loopback; /* of a machine with itself: the policy never governs it */
};

/* By server, port and client. */
struct pairs {
	struct pair *v;
	size_t n;
};

/* What a policy calls the port, as a packet filter sees it. */
struct bh_service pair_service(const struct bh_talk *c);

/* Sorts rows[0..n).  -ENOMEM. */
BH_MUST int pairs_sort(const struct bh_row **rows, size_t n, struct bh_arena *a, struct pairs *ret);

/* The same of all rows. */
BH_MUST int pairs_of_rows(
	const struct bh_row *rows, size_t n, struct bh_arena *a, struct pairs *ret);
