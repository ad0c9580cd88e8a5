/*
 * store: keeps the inventory and its sources.  SQLite (WAL, crash-safe, versioned
 * schema); the process that holds DB.lock is the one writer at that time.
 *
 * User names beside shares are personal data: files are made 0640, folders 0750.
 */
#pragma once

#include "base/arena.h"
#include "model/fact.h"
#include "model/row.h"

struct bh_store; /* owned */

/* Opens for reading or for writing.  create: make the file and its folders.  -ENOENT,
 * -EACCES, -EPROTO (a newer schema, or no database of ours), -EBUSY (another process
 * upgrades it), -ENOSYS (postgresql://), -EIO, -ENOMEM; *why is one sentence without
 * the path, static. */
BH_MUST int bh_store_open(
	const char *path, bool write, bool create, struct bh_store **ret, const char **why);
/* Gives up a batch that was not committed. */
struct bh_store *bh_store_free(struct bh_store *s);
BH_AUTO_FREE(bh_store)

/* A batch: everything between is written whole or not at all, also when the process or
 * the machine dies.  begin takes DB.lock, waiting up to wait_ms for another writer, then
 * -EBUSY.  Every function below that writes needs a batch. */
BH_MUST int bh_store_begin(struct bh_store *s, unsigned wait_ms);
BH_MUST int bh_store_commit(struct bh_store *s);
void bh_store_abandon(struct bh_store *s);

/* A source of evidence by its identity ("pcap:sha256:…", "live:eth0:START"); the same
 * identity gets the same id and, with replace, loses what it said before. */
BH_MUST int bh_store_source(
	struct bh_store *s, const char *identity, const char *label, bool replace, uint32_t *ret);

/* Figures of (row, source) are replaced by those given; all zero takes the row away. */
BH_MUST int bh_store_put(struct bh_store *s, uint32_t source, const struct bh_row *rows, size_t n);
BH_MUST int bh_store_tally(struct bh_store *s, uint32_t source, const struct bh_tally *t);

/* What can be narrowed down while reading; zeroed: everything. */
struct bh_store_filter {
	struct bh_addr client, server; /* no address: any */
	bh_time since; /* last seen then or later */
};

/* Everything, in bh_conversation_compare order.  filter may be NULL.  -EIO for a value
 * that no version of ours wrote. */
BH_MUST int bh_store_rows(struct bh_store *s, const struct bh_store_filter *filter,
	struct bh_arena *a, const struct bh_row **ret, size_t *n_ret);

struct bh_source_row {
	uint32_t id;
	const char *identity, *label;
	struct bh_tally tally;
	bh_time first_seen, last_seen; /* of its rows; 0: it has none */
};
BH_MUST int bh_store_sources(
	struct bh_store *s, struct bh_arena *a, const struct bh_source_row **ret, size_t *n_ret);
