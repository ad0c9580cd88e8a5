/*
 * known: sets, classes and maps that were already made, found again by what is in them.
 *
 * All services of `all-smb` admit the same hosts; a hundred thousand ranges go to the
 * kernel once, not once per service and direction.
 */
#pragma once

#include "model/table.h"

struct known_thing {
	const char *name; /* NULL: just met, the caller names it */
	uint64_t hash;
	uint8_t kind, family;
	struct bh_ranges ranges; /* a set's, a class's destinations */
	const struct bh_products *products; /* a map's */
};

/* {0} knows nothing.  Things stay where they are until known_free(). */
struct known {
	struct known_thing **slots; /* open addressing */
	size_t n_slots, n; /* n_slots is a power of two */
	size_t n_sets, n_classes, n_maps;
};

/* NULL when memory ran out. */
struct known_thing *known_set(
	struct known *k, struct bh_arena *a, uint8_t family, struct bh_ranges r);
struct known_thing *known_class(
	struct known *k, struct bh_arena *a, uint8_t family, struct bh_ranges dst);
struct known_thing *known_map(
	struct known *k, struct bh_arena *a, uint8_t family, const struct bh_products *p);
void known_free(struct known *k);
