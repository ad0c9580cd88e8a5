/*
 * known: sets, classes and maps that were already made, found again by what is in them.
 *
 * All services of `all-smb` admit the same hosts; a hundred thousand ranges go to the
 * kernel once, not once per service and direction.
 */
#pragma once

#include "model/table.h"

struct way;

struct known_thing {
	const char *name; /* NULL: just met, the caller names it */
	uint64_t hash;
	uint8_t kind, family;
	struct bh_ranges ranges; /* a set's, a class's destinations */
	const struct bh_products *products; /* a map's */
	const char *to; /* where a class or a map leads; NULL: it accepts */
	const struct bh_counts *counts; /* whom a chain counts for */
	const struct way *ways; /* a verdict map's elements */
	size_t n_ways;
};

/* {0} knows nothing.  Things stay where they are until known_free(). */
struct known {
	struct known_thing **slots; /* open addressing */
	size_t n_slots, n; /* n_slots is a power of two */
	size_t n_sets, n_classes, n_maps, n_counts, n_ways, n_tos;
};

/* NULL when memory ran out. */
struct known_thing *known_set(
	struct known *k, struct bh_arena *a, uint8_t family, struct bh_ranges r);
struct known_thing *known_class(
	struct known *k, struct bh_arena *a, uint8_t family, struct bh_ranges dst, const char *to);
struct known_thing *known_map(struct known *k, struct bh_arena *a, uint8_t family,
	const struct bh_products *p, const char *to);
/* Where is told apart as well: the hook. */
struct known_thing *known_counts(
	struct known *k, struct bh_arena *a, uint8_t hook, const struct bh_counts *c);
/* Of equal ranges that lead to the same chains; ways lives as long as the arena. */
struct known_thing *known_ways(
	struct known *k, struct bh_arena *a, uint8_t family, const struct way *ways, size_t n);
void known_free(struct known *k);
