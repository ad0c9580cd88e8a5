/*
 * enforce: a table → what the kernel loads, as nft text for people and as netlink
 * messages for bulkhead-priv.  Touches nothing: no socket, no clock.
 *
 * One private table, `inet bulkhead`, base chains at filter + 10.  A loaded table is
 * a *generation*; its chains and sets are named gN_….  While a new generation is on
 * trial the base chains reach it only through the set `lease`, whose elements the
 * kernel itself lets expire; when they lapse the former generation (or none) decides
 * again, without anybody alive.
 */
#pragma once

#include "base/buf.h"
#include "model/table.h"

#define BH_NFT_TABLE   "bulkhead"
#define BH_NFLOG_GROUP 445
#define BH_PRIORITY    10 /* filter + 10: we count only what others would have admitted */

enum bh_mode {
	BH_AUDIT, /* logs what it would block */
	BH_ENFORCE, /* blocks */
	BH_KEEP, /* blocks, but not what belongs to a session that stands */
};

struct bh_load {
	const struct bh_table *table; /* of the new generation; confirm and undo ignore it */
	enum bh_mode mode;
	uint32_t generation; /* of the new table, from 1 */
	uint32_t former; /* generation that decides until now; 0: none */
	unsigned generation_hooks; /* BH_HOOK_BIT mask: hooks the new one has (confirm) */
	unsigned former_hooks; /* hooks the former one has: chains g<former>_<hook> exist */
	uint32_t lease; /* seconds on trial; 0: decides at once and for good */
	/* What a dump showed of the generation that is to go: bh_enforce_owns() says which
	 * names those are.  By dumped names, so that nothing depends on remembered state. */
	const char *const *stale_chains, *const *stale_sets;
	size_t n_stale_chains, n_stale_sets;
};

/* Does this chain or set name belong to that generation? */
bool bh_enforce_owns(const char *name, uint32_t generation);

/* nft -f text that is equivalent to the messages of bh_enforce_load. */
void bh_enforce_text(const struct bh_load *l, struct bh_buf *ret);

/* The netlink batch (NFNL_MSG_BATCH_BEGIN … END), handed out in chunks that each hold
 * whole messages.  The kernel takes a transaction only in one datagram: the sink gathers
 * the chunks and sends them at once, with a send buffer forced to the size.  sink returns
 * 0 or a negative errno, which ends it.  *seq: next sequence number; the kernel's errors
 * name them. */
struct bh_nl_sink {
	void *ctx;
	int (*put)(void *ctx, const void *messages, size_t len);
};

/* With lease 0 the stale names (of the former) go in the same transaction. */
BH_MUST int bh_enforce_load(const struct bh_load *l, uint32_t *seq, const struct bh_nl_sink *sink);

/* One transaction: the generation on trial becomes the only one; lease and former (the
 * stale names) go. */
BH_MUST int bh_enforce_confirm(
	const struct bh_load *l, uint32_t *seq, const struct bh_nl_sink *sink);

/* One transaction: back to the former generation (the stale names are the trial's), or,
 * with former 0, no table at all. */
BH_MUST int bh_enforce_undo(const struct bh_load *l, uint32_t *seq, const struct bh_nl_sink *sink);
