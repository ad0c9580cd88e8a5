/*
 * walk: what shape.c and count.c share: a walk over a table that speaks to a writer.
 */
#pragma once

#include "enforce/known.h"
#include "enforce/shape.h"

/* The first error sticks and ends it. */
struct walk {
	const struct bh_load *l;
	const struct writer *w;
	struct bh_arena a;
	struct known known;
	bool *cited; /* by hook and sentence: its chain was made */
	int err;
};

void walk_chain(struct walk *k, const char *name, const char *comment);
void walk_set(struct walk *k, const struct set_def *s);
void walk_rule(struct walk *k, const char *chain, const struct stmt *v, size_t n);

#define RULE(k, chain, ...)                                                                        \
	walk_rule(k, chain, (const struct stmt[]){ __VA_ARGS__ },                                  \
		sizeof((const struct stmt[]){ __VA_ARGS__ }) / sizeof(struct stmt))

/* "g7_set3_v4": counted in the order of first use.  Never NULL. */
const char *walk_number(struct walk *k, const char *what, size_t n, uint8_t family);

/* The set that holds exactly r; NULL when r is everything and no rule need ask. */
const char *walk_set_of(struct walk *k, uint8_t family, struct bh_ranges r);

static inline bool is_full(struct bh_ranges r, uint8_t family)
{
	return r.n == 1 && r.v[0].lo == 0 && r.v[0].hi == bh_addr_max(family);
}

static inline void *walk_alloc(struct walk *k, size_t n, size_t size)
{
	void *p = bh_arena_array(&k->a, n, size);

	if (!p && !k->err)
		k->err = -ENOMEM;
	return p;
}

/* ---- count.c ---- */

/* Whom a packet of this gate is counted for, and where it goes from there. */
struct counting {
	enum bh_hook hook;
	const struct bh_counts *list;
	const char *gate; /* blocked: the chains that count are the gate's, and lead to … */
	const char *no; /* … this one.  NULL: allowed, they accept */
};

/* Does that side alone, source or destination, tell whom to count for? */
bool count_by_one_side(const struct counting *c, uint8_t family, bool dst);

/* Then: what comes to chain and is admitted in one family, sources × destinations, one of
 * them everything.  Whoever is not admitted goes on in the chain. */
void count_product(struct walk *k, const struct counting *c, const char *chain, uint8_t family,
	struct bh_ranges src, struct bh_ranges dst);

/* Where those go who were admitted already: a chain that counts and accepts; NULL: nobody
 * counts, accept. */
const char *count_admitted(struct walk *k, const struct counting *c);

/* What is left in chain is blocked: counted, and off to c->no. */
void count_blocked(struct walk *k, const struct counting *c, const char *chain);
