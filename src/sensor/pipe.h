/*
 * pipe: facts on their way to the process that believes none of them, many at a time:
 * a system call, and waking somebody, costs more than what a fact is made of.  Inside the
 * room only.
 */
#pragma once

#include "model/fact.h"

#define FACTS_AT_ONCE 32u

struct facts_out { /* zeroed, but for fd */
	int fd;
	size_t n;
	struct bh_fact waiting[FACTS_AT_ONCE];
};

/* Takes one, and lets it wait until there is no more room; or until a tally, a problem or
 * the end, which somebody looks out for.  0 or -errno. */
BH_MUST int facts_write(struct facts_out *o, const struct bh_fact *f);
