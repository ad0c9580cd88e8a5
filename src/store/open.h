/* open: the handle, shared by the files of this room. */
#pragma once

#include "store/schema.h"

enum statement { ST_FIND, ST_ADD, ST_FIGURES, ST_TAKE_FIGURES, ST_TAKE_ORPHAN, STATEMENTS };

struct bh_store {
	sqlite3 *db;
	int lock; /* DB.lock; -1: opened for reading */
	bool write, in_batch;
	sqlite3_stmt *st[STATEMENTS]; /* prepared when first wanted */
};

/* SQLite's answer as an errno. */
int store_errno(int sqlite_code);
BH_MUST int store_exec(struct bh_store *s, const char *sql);
BH_MUST int store_prepare(struct bh_store *s, const char *sql, sqlite3_stmt **ret);

static inline void store_finalize(sqlite3_stmt **st)
{
	sqlite3_finalize(*st);
}
#define STORE_AUTO_STMT __attribute__((cleanup(store_finalize))) sqlite3_stmt
