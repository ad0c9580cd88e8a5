/*
 * classes: rectangles (sources × destinations) allowed and blocked → products whose
 * sources are disjoint, one per class of sources that share their destinations.
 *
 * A sweep over the sources, not a multiplication: linear in the ranges, times the rules
 * that can hold.  One family at a time.
 */
#pragma once

#include "model/table.h"

struct rectangle {
	struct bh_ranges src, dst;
	bool block;
};

/* admitted = (otherwise ? everything : allowed) − blocked, plus `always` destinations.
 * Products go behind *n in v (room for as many as there are classes is made in a).
 * -ENOMEM. */
BH_MUST int classes_of(uint8_t family, const struct rectangle *rects, size_t n_rects,
	bool otherwise, struct bh_ranges always, struct bh_arena *a, struct bh_product **ret,
	size_t *n_ret);
