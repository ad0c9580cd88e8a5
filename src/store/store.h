/*
 * store: keeps the inventory and its sources.  SQLite (WAL, crash-safe, versioned
 * schema); the process that holds DB.lock is the one writer.
 */
#pragma once

#include "base/arena.h"
#include "model/fact.h"
#include "model/row.h"

struct bh_store; /* owned */

/* Opens for reading, or for writing (taking DB.lock; -EBUSY when another holds it).
 * create: make the file and its folder.  -ENOENT, -EPROTO (a newer schema, or no
 * database of ours), -EIO; *why is one sentence. */
BH_MUST int bh_store_open(const char *path, bool write, bool create, struct bh_store **ret,
	const char **why);
struct bh_store *bh_store_free(struct bh_store *s);
BH_AUTO_FREE(bh_store)

/* A source of evidence by its identity ("pcap:sha256:…", "live:eth0:START"); the same
 * identity gets the same id and, with replace, loses what it said before. */
BH_MUST int bh_store_source(struct bh_store *s, const char *identity, const char *label,
	bool replace, uint32_t *ret);

/* All or nothing; figures of (row, source) are replaced by those given. */
BH_MUST int bh_store_put(struct bh_store *s, uint32_t source, const struct bh_row *rows, size_t n);
BH_MUST int bh_store_tally(struct bh_store *s, uint32_t source, const struct bh_tally *t);

/* Everything, in bh_conversation_compare order. */
BH_MUST int bh_store_rows(
	struct bh_store *s, struct bh_arena *a, const struct bh_row **ret, size_t *n_ret);

struct bh_source_row {
	uint32_t id;
	const char *identity, *label;
	struct bh_tally tally;
	bh_time first_seen, last_seen;
};
BH_MUST int bh_store_sources(
	struct bh_store *s, struct bh_arena *a, const struct bh_source_row **ret, size_t *n_ret);
