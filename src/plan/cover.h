/*
 * cover: few rectangles that hold every cell that must be held, and little else.
 *
 * The question behind `suggest --budget`: rows are classes of clients, columns classes of
 * servers, a rectangle is a rule.  It has no quick answer (it holds the cover of a graph
 * by bicliques), so: a good one first, then a search that ends when it is proven or when
 * it has worked enough.  Deterministic: work is counted, not time.
 */
#pragma once

#include "base/arena.h"

#define COVER_SIDE 64u /* rows and columns at most */

struct cover_problem {
	unsigned n_rows, n_cols;
	uint64_t need[COVER_SIDE]; /* by row: a bit for each column that must be held */
	uint64_t weight[COVER_SIDE][COVER_SIDE]; /* of a cell; of one that is needed, not 0 */
	uint64_t work; /* steps to spend on a proof; 0: the default */
};

struct cover_rect {
	uint64_t rows, cols;
};

/* At most COVER_SIDE rectangles: one for each row always suffices. */
struct cover {
	struct cover_rect v[COVER_SIDE];
	unsigned n;
	uint64_t weight; /* of all cells held */
	bool proven; /* no cover of so many rectangles weighs less */
};

/* The lightest cover of at most `most` rectangles that is found.  from: one that is known
 * already, or NULL.  -ENOMEM. */
BH_MUST int cover_find(const struct cover_problem *p, unsigned most, const struct cover *from,
	struct bh_arena *a, struct cover *ret);
