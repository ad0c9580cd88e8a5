/*
 * plan: what a policy means at one enforcing point, and what it would break.
 *
 * Pure and deterministic: equal inputs give byte-equal tables and texts.
 */
#pragma once

#include "model/row.h"
#include "model/table.h"
#include "policy/policy.h"

/* The on-link prefixes of one interface of this machine, for `localsubnet`. */
struct bh_interface {
	char name[BH_IFNAME];
	struct bh_addrset onlink;
};

/* The table for a view.  forwards: a host that also forwards gets the forward gates,
 * judged as a gateway.  policy_hash goes into the table as it is.  -ENOMEM. */
BH_MUST int bh_plan_table(const struct bh_bound *b, const struct bh_view *v,
	const struct bh_interface *ifaces, size_t n_ifaces, bool forwards,
	const uint8_t policy_hash[BH_HASH], struct bh_arena *a, struct bh_table *ret);
