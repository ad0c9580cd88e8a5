/*
 * place: where a value stands in a JSON text.  The room's own.
 *
 * The tree that a parser makes has lost the places; they are looked up again, only when
 * there is something to complain about.
 */
#pragma once

#include "base/diag.h"

/* One step down: a member by name, or with key NULL an element by number. */
struct place_step {
	const char *key;
	size_t index;
};

/* Fills in line, column, length and source of d.  text is known to be JSON without
 * repeated names; a name that is written with escapes is not found, and the place of what
 * holds it is told. */
void place_of(struct bh_span text, const struct place_step *steps, size_t n, struct bh_arena *a,
	struct bh_diag *d);

/* Fills in source for d->line and column: NULL when the line is long. */
void place_source(struct bh_span text, size_t at, struct bh_arena *a, struct bh_diag *d);
