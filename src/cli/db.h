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
/* missing (may be NULL): with no --db and no database yet, *missing and 0 instead of a
 * failure; *ret stays as it is, and path says where none was. */
int bh_cli_db_read(struct bh_cli *cli, struct bh_store **ret, bool *missing, struct bh_buf *path);

/* What -errno of the store means, behind a colon. */
const char *bh_cli_db_reason(int r);

/* Says that reading it failed with -errno; the exit status. */
int bh_cli_db_unread(const struct bh_cli *cli, int r, const char *path);
