/*
 * unify: the parts of joining what several sources say.  The room's own.
 *
 * Conversations of different machines never are one, so rows are taken pair by pair, and
 * a pair's work is done in memory that the next one uses again.
 *
 * A *cell* is one distinct conversation as one kind of evidence tells it; a *group* is a
 * conversation as all of them together tell it.
 */
#pragma once

#include "inventory/agree.h"
#include "inventory/by_use.h"
#include "inventory/inventory.h"
#include "inventory/naming.h"

/* How much of a conversation is known: what bh_fact calls a leaf. */
enum level { LEVEL_ENDS, LEVEL_SESSION, LEVEL_SHARE };

/* Sources, as they were joined; a list. */
struct told {
	const struct told *next;
	uint32_t source;
};

struct cell {
	const struct bh_talk *who;
	struct bh_figures figures;
	const struct told *told;
	uint32_t known; /* fields */
	uint32_t fits, n_fits; /* within one step: of the groups found */
	uint8_t kind, level;
};

struct group {
	const struct bh_talk *who;
	struct bh_talk *own; /* who, once a field of it was changed */
	struct bh_figures figures;
	const struct told *told;
	uint32_t known;
	uint8_t kinds; /* a bit for each */
	uint8_t level;
	bool dead; /* told by others now */
	/* Within one step: */
	uint32_t step;
	uint32_t fits; /* cells of its own level that fit */
	bool mixed; /* one of which fits others, too */
	bool torn; /* which tell differently what it does not know */
	const struct cell *first; /* of these */
	uint32_t spread; /* place + 1 */
	uint32_t fresh, disputed; /* fields filled in, and given up again */
	uint32_t seen; /* by the question of this number */
};

struct unify {
	const struct bh_row *rows;
	const struct bh_witnesses *w;
	struct naming names;
	struct by_use uses;

	/* The pair at hand, and what is made for it. */
	struct bh_arena scratch;
	struct cell *cells;
	size_t n_cells;
	struct group *groups; /* room for all cells */
	size_t n_groups;
	struct index *index;
	bool one_client, one_server; /* all cells have it by the same address */
	uint32_t step; /* from 1 */
	uint32_t questions;
	uint64_t budget; /* comparisons left: for this pair, */
	uint64_t slack; /* and for those that need more than most */

	/* The answer. */
	struct bh_arena *a;
	struct bh_row *out;
	size_t n_out;
	const uint32_t *sources; /* of the last row that was told by several */
	size_t n_sources;
};

/* ---- pairs.c: which rows may have to do with each other ---- */

struct pair_row {
	uint64_t pair;
	uint32_t row;
};

/* Rows by pair.  Pairs stand in the order of their addresses, the server's first; machines
 * that a name ties together are one.  From malloc(); -ENOMEM. */
BH_MUST int pairs_of(struct unify *u, size_t n, struct pair_row **ret);

/* The row's conversation, with addresses for its names; in scratch when they were not
 * there.  NULL when memory ran out. */
const struct bh_talk *pairs_resolved(struct unify *u, const struct bh_row *row);

/* ---- cells.c: what each kind of evidence says of a pair ---- */

/* Sorts into u->cells what v[0..n) says, each thing once: in the order in which it is put
 * together.  -ENOMEM. */
BH_MUST int cells_of(struct unify *u, const struct pair_row *v, size_t n);
uint8_t cells_kind(const struct bh_witnesses *w, uint32_t source);
/* Of one step? */
bool cells_alike(const struct cell *x, const struct cell *y);

/* ---- index.c: which groups a cell may fit ---- */

/* For the cells at hand.  -ENOMEM. */
BH_MUST int index_new(struct unify *u);
/* Again when an end is known by more than it was.  -ENOMEM. */
BH_MUST int index_add(struct unify *u, const struct group *g);

/* Calls back for each group that may fit, once, in one order; false from fn ends it. */
typedef bool (*index_fn)(void *ctx, uint32_t group);
void index_find(struct unify *u, const struct cell *c, index_fn fn, void *ctx);

/* ---- join.c: one cell beside one group ---- */

/* A log may tell one thing in records of several levels (a packet let in, and a share
 * used); what a capture, or a program that read one, tells twice are two. */
bool join_tells_parts(uint8_t kind);

/* At one time, as far as clocks agree. */
bool join_near(const struct bh_figures *x, const struct bh_figures *y);
/* The whole of part's time, as far as clocks agree. */
bool join_covers(const struct bh_figures *whole, const struct bh_figures *part);

/* The first time in a step: forgets what was noted in another. */
void join_begin(const struct unify *u, struct group *g);
bool join_fits(const struct unify *u, const struct cell *c, const struct group *g);
/* What from tells and to does not know.  -ENOMEM. */
BH_MUST int join_fields(
	struct unify *u, struct group *to, const struct bh_talk *from, uint32_t known);
BH_MUST int join_sources(struct unify *u, struct group *to, const struct told *from);

/* ---- step.c ---- */

struct fit {
	uint32_t cell, group;
};

/* A group that several cells of one step fit, and what they count. */
struct spread {
	uint32_t group;
	struct bh_figures theirs;
};

struct steps {
	struct unify u;
	struct fit *fits; /* malloc'ed */
	size_t n_fits, room;
	struct spread *spreads; /* room for all cells of the pair */
	size_t n_spreads;
	uint32_t asking; /* the cell */
	int failed;
};

/* Puts cells[from..to) in, all of one level and kind.  -ENOMEM. */
BH_MUST int step_take(struct steps *s, uint32_t from, uint32_t to);
