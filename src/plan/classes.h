/*
 * classes: rectangles (sources × destinations) allowed and blocked → products whose
 * sources are disjoint, one per class of sources that share their destinations.
 *
 * A sweep over the sources, not a multiplication: linear in the ranges, times the rules
 * that can hold.
 */
#pragma once

#include "model/table.h"

struct rectangle {
	struct bh_addrset src, dst;
	bool block;
};

/* admitted = (otherwise ? everything : allowed) − blocked, plus `always` destinations.
 * Each product is of one family, those of IPv4 come first.  -ENOMEM. */
BH_MUST int classes_of(const struct rectangle *rects, size_t n_rects, bool otherwise,
	struct bh_addrset always, struct bh_arena *a, struct bh_products *ret);
