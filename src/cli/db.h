/*
 * db: where the inventory is, opened the same way by every command.
 *
 * --db PATH wins.  Otherwise root writes /var/lib/bulkhead/bulkhead.db and everybody
 * else $XDG_STATE_HOME/bulkhead/bulkhead.db; reading takes the system's database when it
 * is readable.
 */
#pragma once

#include "cli/cli.h"
#include "store/store.h"

/* 0, or an exit status after saying why.  path (may be NULL) is filled in either way. */
int bh_cli_db_write(struct bh_cli *cli, struct bh_store **ret, struct bh_buf *path);
int bh_cli_db_read(struct bh_cli *cli, struct bh_store **ret, struct bh_buf *path);

/* All rows that filter (may be NULL) leaves.  missing (may be NULL): with no --db and no
 * database yet, *missing and no rows instead of a failure; path says where none was. */
int bh_cli_db_rows(struct bh_cli *cli, const struct bh_store_filter *filter, struct bh_arena *a,
	const struct bh_row **ret, size_t *n_ret, bool *missing, struct bh_buf *path);
