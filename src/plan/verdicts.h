/*
 * verdicts: the judge's answers for known hosts, each question asked once.
 *
 * Hosts that lie in the same of all sets on which a decision may depend (bh_bound.atoms,
 * a point's own addresses, what its interfaces are linked to) cannot be told apart by the
 * judge: they are one class, and he is asked for classes.  A million pairs of hosts are
 * few pairs of classes.
 */
#pragma once

#include "plan/spans.h"

struct verdict {
	bool on_path; /* the point sees the pair's packets */
	struct bh_decision is; /* when it does */
	struct bh_reason reason; /* when that is no */
};

struct verdicts {
	const struct bh_bound *bound;
	const struct bh_point *point;
	const struct known *known;
	struct bh_view fwd; /* what a host forwards is judged as a gateway's */
	struct bh_arena *a;
	uint32_t *class_of; /* by host */
	size_t n_classes;
	struct remembered *slots;
	size_t n, mask;
};

/* For one point; the answers are kept in the arena. */
BH_MUST int verdicts_new(const struct bh_bound *b, const struct bh_point *p, const struct known *k,
	struct bh_arena *a, struct verdicts *ret);

/* client and server: hosts, not the same one.  When memory runs out the arena says so. */
struct verdict verdicts_ask(
	struct verdicts *v, uint32_t client, uint32_t server, struct bh_service service);
