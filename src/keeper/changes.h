/*
 * changes: what the kernel tells of changes to its packet filter, and what follows from
 * it.  Pure: bytes and times in, what is to be done and said out.
 */
#pragma once

#include "base/clock.h"
#include "priv/priv.h"

/* One transaction of somebody. */
struct bh_change {
	uint32_t generation; /* the kernel's number, after it */
	uint32_t pid; /* who; 0: not told */
	char process[16]; /* "" when not told */
	bool ours; /* it touched our table */
	bool others; /* and others' */
	char tables[96]; /* those others': "inet firewalld, ip nat", as far as there is room */
	char by[64]; /* "started by bash, as root"; bh_keeper_who() */
};

/* What was told of a transaction whose end was not told yet. */
struct bh_changes {
	struct bh_change now;
};

/* A datagram; tell is called at each transaction's end.  Hostile bytes tell nothing. */
void bh_changes_read(struct bh_changes *c, struct bh_span datagram,
	void (*tell)(void *ctx, const struct bh_change *change), void *ctx);

/* Fills in what /proc tells of the process, if it is still there. */
void bh_keeper_who(struct bh_change *c);

/* ---- when to look, and what it means ---- */

#define BH_DRIFT_SUSPECTS 8u

/* Something to look at, and when: people are let finish, and looking costs. */
struct bh_due {
	bool is;
	bh_time first, last, not_before;
};

struct bh_drift {
	uint32_t told; /* the last generation that was told */
	uint32_t looked; /* the generation at which the table was last looked at */
	struct bh_due ours, others;
	bh_time lost; /* when it was noticed that not all was told; 0: all was */
	/* Who touched our table, and others', since it was last looked at. */
	struct bh_change suspects[BH_DRIFT_SUSPECTS];
	size_t n_suspects;
	/* What was found then. */
	bool drifted;
	uint32_t generation, trial, lapsed;
	/* Healing. */
	bool heals; /* asked for */
	bool heal_due;
	bh_time heal_at;
	bh_time healed[4]; /* the last times, the latest first */
};

void bh_drift_told(struct bh_drift *d, const struct bh_change *c, bh_time now);
/* Something may have happened that was not told: a full buffer, or another generation than
 * the last that was told. */
void bh_drift_lost(struct bh_drift *d, bh_time now);

/* Milliseconds until there is something to do; -1: nothing. */
int bh_drift_wait(const struct bh_drift *d, bh_time now);
bool bh_drift_ours_due(const struct bh_drift *d, bh_time now);
bool bh_drift_others_due(const struct bh_drift *d, bh_time now);
bool bh_drift_heal_due(const struct bh_drift *d, bh_time now);

enum bh_drift_news {
	BH_NEWS_DRIFT = 1, /* the table is not what was loaded */
	BH_NEWS_AGAIN = 2, /* it was not before, and was touched once more */
	BH_NEWS_RIGHT = 4, /* it is again */
	BH_NEWS_LOADED = 8, /* another generation decides, or is on trial */
	BH_NEWS_LAPSED = 16, /* a trial has undone itself */
	BH_NEWS_GONE = 32, /* by our own doing nothing is loaded any more */
};

/* Our table was looked at: began is when, s what stands.  Who did it stays in suspects
 * until bh_drift_done(). */
unsigned bh_drift_looked(
	struct bh_drift *d, const struct bh_priv_state *s, bh_time began, bh_time now);
void bh_drift_done(struct bh_drift *d);
/* The same for others' rules. */
void bh_drift_looked_around(struct bh_drift *d, bh_time began, bh_time now);
void bh_drift_done_around(struct bh_drift *d);

/* It was healed, or could not be: when to try again.  False: it was healed so often in so
 * short a time that somebody undoes it; the next attempt waits. */
bool bh_drift_healed(struct bh_drift *d, int err, bh_time now);

/* ---- what others' rules say ---- */

/* Is that sentence in the list?  Handles of rules are not looked at: whoever loads his
 * rules again gives them new ones. */
bool bh_foreign_known(const char *sentence, const char *const *v, size_t n);
