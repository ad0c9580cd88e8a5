/*
 * space: which packets no rule and no policy can tell apart.
 *
 * A field's numbers fall into classes by the atoms (sets of numbers) they are in.  One
 * member answers for its class.
 */
#pragma once

#include "proof/rules.h"

struct atoms {
	struct bh_arena *a;
	struct bh_ranges *v;
	size_t n, room;
};

struct klass {
	bh_u128 rep; /* the lowest */
	struct bh_ranges all;
};

struct classes {
	struct klass *v;
	size_t n;
};

#define MAX_CLASSES 65536u

/* Memory that runs out shows in the arena. */
void bh_atoms_add(struct atoms *to, struct bh_ranges r);
void bh_atoms_add_one(struct atoms *to, bh_u128 lo, bh_u128 hi);

/* -ENOMEM, or -E2BIG: more than MAX_CLASSES. */
BH_MUST int bh_space_divide(const struct atoms *atoms, bh_u128 max, struct classes *ret);

/* ---- what the rules test (study.c) ---------------------------------------- */

#define MAX_IFNAMES   256u
#define BH_OTHER_NAME 0x7f /* ends a name that stands for all others */

struct study {
	struct bh_arena *a;
	uint8_t family; /* BH_V4, BH_V6: what the rules mean for its packets */
	struct atoms src, dst, sport, dport, proto;
	uint8_t flags_class[256]; /* equal: no rule tells these TCP flags apart */
	unsigned n_flags;
	char ifname[MAX_IFNAMES][16]; /* names that tell interfaces apart, "" aside */
	size_t n_ifnames;
	bool too_many;
	bool tracks; /* some rule asks connection tracking */
};

/* Adds what the rules of our table test; marks tests that cannot be told (expr.odd). */
void bh_study_rules(struct study *s, const struct rules *r, const struct table *t);
void bh_study_ifname(struct study *s, const char *name);
/* Beforehand: flags are told apart by what outcome says of each. */
void bh_study_flags(struct study *s, const uint16_t outcome[256]);
