/*
 * live: the pieces of `watch` that stand by themselves: what it prints, and whether the
 * audit log told everything.
 */
#pragma once

#include "cli/cli.h"
#include "inventory/inventory.h"
#include "priv/priv.h"

/* ---- one line per new conversation ---- */

struct bh_lines; /* owned */

struct bh_lines *bh_lines_new(bool json);
struct bh_lines *bh_lines_free(struct bh_lines *l);
BH_AUTO_FREE(bh_lines)

/* A row that is new or changed.  from: the log that tells it, which must stay; NULL: it was
 * seen on the wire.  A connection that has not said yet what it is for waits
 * one round, so that it is printed once and with its share. */
void bh_lines_row(struct bh_lines *l, const struct bh_row *row, const char *from);
/* The end of a round: prints what waited long enough; last: everything. */
void bh_lines_round(struct bh_lines *l, bool last);
uint64_t bh_lines_printed(const struct bh_lines *l);

/* ---- the log against the counters ---- */

struct bh_reckoning {
	bool seen; /* audit rules stood at some time */
	uint32_t generation; /* the one counted last; 0: none */
	uint64_t base; /* its counters when we began to look */
	uint64_t last; /* and when we looked last */
	uint64_t counted; /* of generations that are no more */
	uint64_t logged; /* events, from the sensor */
};

/* What the counters say now; begin: the first look. */
void bh_reckon(struct bh_reckoning *k, const struct bh_priv_state *s, bool begin);
uint64_t bh_reckoned(const struct bh_reckoning *k);
/* "audit: 41 packets would have been blocked; all of them were logged". */
void bh_reckoning_format(const struct bh_reckoning *k, struct bh_buf *b);
