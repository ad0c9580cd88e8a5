/*
 * files: what bulkhead-priv remembers, keyed by network namespace.
 *
 * The machine's own namespace keeps its confirmed table in /var/lib/bulkhead/priv, for the
 * next boot; any other keeps everything in /run/bulkhead/netns-<inode>, so that a lab can
 * never rewrite the machine's own rules.  A file is written beside, synced and renamed:
 * it is there whole, or it is the former one.
 */
#pragma once

#include "base/buf.h"
#include "enforce/enforce.h"
#include "priv/kernel.h"

struct files {
	char keep[64]; /* "confirmed": the table of the next boot */
	char run[64]; /* "record", "trial", "lock" */
	bool machine; /* this is the machine's own namespace */
	uint64_t cookie; /* the kernel's name for this namespace; 0: it gives none */
	char boot[37]; /* this boot */
	int lock;
};

/* Finds out where we are and makes the folders. */
BH_MUST int files_open(struct files *f, struct why *w);

/* One bulkhead-priv at a time changes anything: waits shortly, then says who is at it. */
BH_MUST int files_lock(struct files *f, struct why *w);
void files_unlock(struct files *f);

/* Written down before a transaction is sent, so that whoever comes after a kill knows
 * whose work it was that the kernel shows, or does not. */
enum pending { PENDING_NONE, PENDING_LOAD, PENDING_CONFIRM, PENDING_END, PENDING_UNDO };

/* What was loaded, and when its trial ends. */
struct record {
	bool there; /* false: nothing is remembered that is about this namespace */
	bool expected; /* our table should be in the kernel */
	bool changed; /* it was found edited, and nothing was loaded since */
	bool digested; /* digest tells what it should look like */
	enum pending pending;
	uint32_t generation; /* highest that was ever given out */
	uint32_t trial; /* on trial, or about to be loaded; 0: none */
	uint32_t lapsed; /* the last that fell back by itself; 0: none, or seen to */
	uint32_t lease; /* seconds it was given; 0: it was loaded for good */
	uint64_t deadline; /* CLOCK_MONOTONIC, nanoseconds */
	uint8_t digest[BH_HASH];
};

/* A record of another boot or namespace (an inode is used again) is none, and what lies
 * beside it in a namespace's own folder goes. */
BH_MUST int files_read_record(struct files *f, struct record *ret, struct why *w);
BH_MUST int files_write_record(struct files *f, const struct record *r, struct why *w);

/* A table as it was applied, and the policy it came from. */
struct bundle {
	enum bh_mode mode;
	bool gateway;
	uint32_t generation;
	struct bh_span table, text;
};

/* In the run folder while on trial; promoting makes it the confirmed one. */
BH_MUST int files_write_trial(struct files *f, const struct bundle *b, struct why *w);
BH_MUST int files_promote_trial(struct files *f, struct why *w);

/* Borrows from *bytes.  -ENOENT, or -EBADMSG for a file that is torn or not ours. */
BH_MUST int files_read_bundle(
	const struct files *f, bool trial, struct bh_buf *bytes, struct bundle *ret);
bool files_has_confirmed(const struct files *f);
void files_drop_trial(struct files *f);
BH_MUST int files_drop_confirmed(struct files *f, struct why *w);

/* What was counted when somebody looked last (hits.h); gone with the boot. */
struct hits;
BH_MUST int files_read_hits(const struct files *f, struct bh_buf *ret);
BH_MUST int files_write_hits(struct files *f, const struct hits *h, struct why *w);

/* Pure readers, for the tests. */
BH_MUST int bundle_read(struct bh_span bytes, struct bundle *ret);
void bundle_write(const struct bundle *b, struct bh_buf *ret);
