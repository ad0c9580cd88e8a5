/* store_helper: a database in a folder of its own, and rows to put into it. */
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store.h"
#include "tap.h"
#include "texts.h"

static char folder[64], path[128];

static inline void with_folder(void)
{
	strcpy(folder, "/tmp/bulkhead-store-XXXXXX");
	EXPECT(mkdtemp(folder) != NULL);
	snprintf(path, sizeof path, "%s/deep/er/b.db", folder);
}

static inline void clean_up(void)
{
	static const char *const suffix[] = { "", "-wal", "-shm", ".lock", ".key", ".key2" };
	char name[160];

	for (size_t i = 0; i < BH_LEN(suffix); i++) {
		snprintf(name, sizeof name, "%s%s", path, suffix[i]);
		unlink(name);
	}
	for (char *slash; strlen(path) > strlen(folder) && (slash = strrchr(path, '/'));) {
		*slash = '\0';
		rmdir(path);
	}
}

static inline void know(const char **field, struct bh_talk *c, uint8_t bit, const char *text)
{
	c->known |= bit;
	*field = kept(text);
}
#define KNOW(c, field, bit, text) know(&(c)->field, c, bit, text)

static inline struct bh_row row(uint32_t client, const char *user, uint64_t n)
{
	struct bh_row r = { 0 };

	bh_talk_init(&r.who);
	r.who.client = bh_addr_v4(client);
	r.who.server = bh_addr_v4(0x0a000001);
	r.who.port = 445;
	r.who.outcome = BH_ANSWERED;
	if (user)
		KNOW(&r.who, user, BH_KNOWN_USER, user);
	r.figures.connections = n;
	r.figures.bytes_to_server = 2 * n;
	r.figures.bytes_to_client = 3 * n;
	r.figures.first_seen = (bh_time)(1000 + n);
	r.figures.last_seen = (bh_time)(2000 + n);
	r.figures.opens = 4 * n;
	r.figures.pipes = (uint32_t)n;
	return r;
}

static inline bool same_figures(const struct bh_figures *a, const struct bh_figures *b)
{
	return a->connections == b->connections && a->bytes_to_server == b->bytes_to_server &&
	       a->bytes_to_client == b->bytes_to_client && a->first_seen == b->first_seen &&
	       a->last_seen == b->last_seen && a->opens == b->opens && a->pipes == b->pipes;
}

static inline struct bh_store *open_store(bool write)
{
	struct bh_store *s = NULL;
	const char *why = "";
	int r = bh_store_open(path, write, write, &s, &why);

	EXPECT_INT(r, 0);
	if (r)
		printf("# %s: %s\n", path, why);
	return s;
}

/* One source told whole, as `read` does. */
static inline uint32_t tell(const char *identity, const struct bh_row *rows, size_t n)
{
	BH_AUTO(bh_store) s = open_store(true);
	uint32_t id = 0;

	EXPECT_INT(bh_store_begin(s, 0), 0);
	EXPECT_INT(bh_store_source(s, identity, "label", true, &id), 0);
	EXPECT_INT(bh_store_put(s, id, rows, n), 0);
	EXPECT_INT(bh_store_commit(s), 0);
	return id;
}

static inline size_t rows_of(
	struct bh_arena *a, const struct bh_store_filter *f, const struct bh_row **v)
{
	BH_AUTO(bh_store) s = open_store(false);
	size_t n = 0;

	EXPECT_INT(bh_store_rows(s, f, a, v, &n), 0);
	return n;
}

static inline int opened(bool write, const char **why)
{
	struct bh_store *s = NULL;
	int r = bh_store_open(path, write, false, &s, why);

	bh_store_free(s);
	return r;
}

static inline void change(const char *sql)
{
	sqlite3 *db;
	char *why = NULL;

	EXPECT(sqlite3_open(path, &db) == SQLITE_OK);
	EXPECT(sqlite3_exec(db, sql, NULL, NULL, &why) == SQLITE_OK);
	if (why)
		printf("# %s: %s\n", sql, why);
	sqlite3_free(why);
	sqlite3_close(db);
}

/* What a question's first column says in its first row. */
static inline int64_t asked(const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *st = NULL;
	int64_t v = -1;

	EXPECT(sqlite3_open(path, &db) == SQLITE_OK);
	EXPECT(sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK);
	if (st && sqlite3_step(st) == SQLITE_ROW)
		v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return v;
}
