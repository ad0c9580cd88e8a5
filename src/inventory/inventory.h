/*
 * inventory: folds facts into conversations, hosts and shares.
 *
 * Figures are kept per (conversation, source): a source told again replaces what it
 * said before, different sources are never summed twice, and the order of facts does
 * not matter.  Bounded: when a limit is reached the least recently told leaf, or
 * conversation, is given up, counted, and said; first those that cost least: leaves that are
 * closed, and conversations in which nobody said who he is.
 */
#pragma once

#include "base/arena.h"
#include "base/set.h"
#include "model/fact.h"
#include "model/row.h"

struct bh_inventory; /* owned */

/* What is remembered at once; 0: the default. */
struct bh_inventory_limits {
	uint32_t leaves; /* 262144: about 30 MB */
	uint32_t rows; /* (conversation, source); 262144: about 60 MB of usual texts */
};

/* What a limit cost. */
struct bh_inventory_lost {
	/* Leaves whose later news can no longer be told from new ones: they stay in the
	 * figures as they were.  A closed leaf has no later news and is not counted. */
	uint64_t leaves;
	uint64_t rows; /* conversations forgotten with their figures */
};

/* seed: random in production, fixed in tests; keys the hash against chosen input. */
struct bh_inventory *bh_inventory_new(uint64_t seed);
struct bh_inventory *bh_inventory_new_limited(
	uint64_t seed, const struct bh_inventory_limits *limits);
struct bh_inventory *bh_inventory_free(struct bh_inventory *inv); /* NULL is fine; returns NULL */
BH_AUTO_FREE(bh_inventory)

/* source: which evidence, as an id of the house's choosing.  Tallies, problems and the
 * end are the house's business and pass without effect.  -EBADMSG for an insane fact
 * (nothing changes), -ENOMEM. */
BH_MUST int bh_inventory_fold(struct bh_inventory *inv, uint32_t source, const struct bh_fact *f);

/* All rows in bh_talk_compare order, in the arena with their texts.  -ENOMEM. */
BH_MUST int bh_inventory_rows(const struct bh_inventory *inv, struct bh_arena *a,
	const struct bh_row **ret, size_t *n_ret);

/* 0 to go on; anything else ends the walk and is returned from it.  The row and its texts
 * die when it returns. */
typedef int (*bh_row_fn)(void *ctx, const struct bh_row *row);

/* Tells the rows of one source that are new or changed since bh_inventory_saved, with
 * that source's figures alone, the most recently told last.  One that is no more (what
 * was told of it is now told as another) has all figures zero. */
BH_MUST int bh_inventory_changes(
	const struct bh_inventory *inv, uint32_t source, bh_row_fn fn, void *ctx);
void bh_inventory_saved(struct bh_inventory *inv, uint32_t source);

struct bh_inventory_lost bh_inventory_lost(const struct bh_inventory *inv);

/* What is known of the evidence beside the rows. */
struct bh_witnesses {
	const uint8_t *kinds; /* enum bh_kind by source id; further ids are of another kind */
	size_t n_kinds;
	const struct bh_name_seen *names;
	size_t n_names;
	const struct bh_share_listed *listed; /* shares that are known to exist */
	size_t n_listed;
	const struct bh_addrset *inside; /* ours beside the private blocks; may be NULL */
	uint64_t seed; /* as for bh_inventory_new */
};

/*
 * One row for each conversation, whatever saw it.
 *
 * Rows that different kinds of evidence tell are one when every field that both know
 * agrees and they are near in time.  Figures of one kind are summed over its sources
 * (rows should have `each`; without it their figures count for the first of their
 * kinds); over kinds the larger counts.  A row that knows less and fits several is told
 * with each of them: its fields where they agree, its sources; its figures only where
 * one alone can have them.  What it counted beyond theirs stays a row.  Where several
 * fit several nobody can tell who is whose: they stay apart.
 *
 * An end that a log names without its address gets the one address that is known for
 * the name, or by which alone what it served was served (by_use.h).  The order of rows does not
 * matter.  In bh_talk_compare order, in the arena, its texts those of rows, or rows itself
 * when nothing is to be joined.  -ENOMEM.
 */
BH_MUST int bh_inventory_unify(const struct bh_row *rows, size_t n, const struct bh_witnesses *w,
	struct bh_arena *a, const struct bh_row **ret, size_t *n_ret);

/* What a row is for by itself, whatever its two machines do beside it. */
enum bh_purpose bh_inventory_purpose(const struct bh_row *row);

/* What each row is for, enum bh_purpose, in their order.  Give it all rows: what a pair
 * of machines does elsewhere tells what its bare IPC$ is for.  -ENOMEM. */
BH_MUST int bh_inventory_purposes(
	const struct bh_row *rows, size_t n, struct bh_arena *a, const uint8_t **ret);

/* Derived from rows; in the arena, sorted.  -ENOMEM. */

/* Machines by address, then those known by name alone; with their roles (roles.c says
 * from what).  w may be NULL. */
BH_MUST int bh_inventory_hosts(const struct bh_row *rows, size_t n, const struct bh_witnesses *w,
	struct bh_arena *a, const struct bh_host_row **ret, size_t *n_ret);
/* The machine at either end of a row of theirs; NULL when it is none of hosts[0..n). */
const struct bh_host_row *bh_inventory_host(
	const struct bh_host_row *hosts, size_t n, const struct bh_talk *c, bool server);
/* What an administrator should know of: the gravest first, and of these what happens
 * most.  hosts: bh_inventory_hosts's of the same rows.  What would need to be known to
 * be claimed is not claimed without.  -ENOMEM. */
BH_MUST int bh_inventory_findings(const struct bh_row *rows, size_t n,
	const struct bh_host_row *hosts, size_t n_hosts, const struct bh_witnesses *w,
	struct bh_arena *a, const struct bh_finding **ret, size_t *n_ret);

/* What Microsoft says a role or feature of Windows needs of SMB, to hold evidence
 * against.  Ports are the server's. */
struct bh_need {
	const char *feature; /* "Print and Document Services" */
	const char *service; /* system service name; NULL: none of its own */
	uint8_t role; /* enum bh_host_role that goes with it; BH_HOST_ROLES: none */
	uint8_t purpose; /* enum bh_purpose by which its use shows */
	bool typical; /* of every machine of that role; others show by their pipes alone */
	uint32_t pipes; /* that it answers on: a bit for each enum bh_pipe */
	const char *ports; /* "TCP 445" */
	const char *from; /* who needs it, as a rule: "every member of the domain" */
	const char *source; /* where that is said */
};

extern const struct bh_need bh_needs[];
extern const size_t bh_needs_n; /* at most 64 */

/* The inventory's checklist, for every machine: servers first, then clients, the heaviest
 * first.  purposes and hosts: as of the same rows.  -ENOMEM. */
BH_MUST int bh_inventory_checklist(const struct bh_row *rows, size_t n, const uint8_t *purposes,
	const struct bh_host_row *hosts, size_t n_hosts, const struct bh_witnesses *w,
	struct bh_arena *a, const struct bh_endpoint **ret, size_t *n_ret);

BH_MUST int bh_inventory_shares(const struct bh_row *rows, size_t n, struct bh_arena *a,
	const struct bh_share_row **ret, size_t *n_ret);
