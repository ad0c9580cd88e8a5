/*
 * hits: how often each sentence of the policy was met, and when last, as far as was looked.
 *
 * The kernel counts; when it counted nobody knows who did not look.  So each look is
 * written down: a sentence was met between the look before and the one that found its
 * counter grown.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "priv/priv.h"

#define MAX_HITS     16384u
#define HITS_NAME    72u
#define MAX_HIT_FILE (MAX_HITS * 128u)

/* One chain that counts. */
struct hit {
	char chain[HITS_NAME];
	struct bh_priv_hit is;
};

struct hits {
	int64_t looked; /* when; nanoseconds of the real clock */
	struct hit *v;
	size_t n;
};

/* The chains that count for a sentence, of every generation, from a dump of chains and
 * rules.  -ENOMEM. */
BH_MUST int hits_read(struct bh_span dump, struct bh_arena *a, struct hits *ret);

/* What a former look knew goes into this one. */
void hits_since(struct hits *now, const struct hits *before);

/* The file that is kept between looks.  -EBADMSG, -ENOMEM. */
void hits_write(const struct hits *h, struct bh_buf *ret);
BH_MUST int hits_parse(struct bh_span bytes, struct bh_arena *a, struct hits *ret);
