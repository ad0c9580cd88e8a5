/* open: the handle, shared by the files of this room. */
#pragma once

#include <stdio.h>

#include "model/pipe.h"
#include "store/schema.h"

enum statement {
	ST_FIND, /* three, one for each part */
	ST_FIND_CALLER,
	ST_FIND_MANNER,
	ST_ADD, /* three */
	ST_ADD_CALLER,
	ST_ADD_MANNER,
	ST_LOAD, /* three */
	ST_LOAD_CALLER,
	ST_LOAD_MANNER,
	ST_PUT,
	ST_TAKE,
	ST_SPAN,
	ST_NAME,
	ST_EVENT,
	ST_SHARE,
	ST_REFERRAL,
	ST_CHANGED,
	STATEMENTS
};

/* A part by its packed bytes: open addressing, keyed, because peers choose the texts. */
struct part_slot {
	uint64_t hash;
	char *packed; /* NULL: a free place */
	uint32_t len, id;
};
struct part_map {
	struct part_slot *slots; /* a power of two */
	size_t room, used, bytes;
};

/* What a figure of one source can be: 2^56, as in a fact. */
#define FIGURE_MOST ((uint64_t)1 << 56)

/* A row on its way to the disk. */
struct pending {
	uint32_t part[PARTS];
	uint32_t source;
	struct bh_figures figures; /* none: the row goes */
};

struct bh_store {
	sqlite3 *db;
	int lock; /* DB.lock; -1: opened for reading */
	bool write, in_batch;
	bool held; /* reads as of one moment */
	bool older; /* a copy, of a file that is */
	sqlite3_stmt *st[STATEMENTS]; /* prepared when first wanted */

	uint64_t seed;
	struct part_map maps[PARTS]; /* true for as long as nobody else wrote */
	int64_t changed; /* SQLite's data_version when they were */

	struct pending *pending;
	uint32_t n_pending, pending_room;
	bool indexless; /* until the batch's rows are all there */
	uint32_t span_source; /* 0: none */
	bh_time span_first, span_last;

	/* Parts that may have lost their last row; more than there is room for: all may. */
	uint32_t (*orphans)[2]; /* place and caller */
	uint32_t n_orphans;
	bool sweep, scrub;

	bool pseudonyms; /* the database keeps them */
	struct bh_pseudonyms *hide, *reveal;
};

/* SQLite's last answer as an errno. */
int store_errno(sqlite3 *db, int sqlite_code);
BH_MUST int store_exec(struct bh_store *s, const char *sql);
BH_MUST int store_prepare(struct bh_store *s, const char *sql, sqlite3_stmt **ret);
/* The statement of that number, made when first wanted. */
BH_MUST int store_wanted(struct bh_store *s, enum statement which, sqlite3_stmt **ret);
/* Runs a statement that gives no rows and makes it ready for the next time. */
BH_MUST int store_run(struct bh_store *s, sqlite3_stmt *st);
BH_MUST int store_run_numbers(struct bh_store *s, enum statement which, const int64_t *v, int n);
/* The first column of the first row; -ENOENT: no row. */
BH_MUST int store_number(struct bh_store *s, const char *sql, int64_t *ret);

static inline void store_finalize(sqlite3_stmt **st)
{
	sqlite3_finalize(*st);
}
#define STORE_AUTO_STMT __attribute__((cleanup(store_finalize))) sqlite3_stmt

/* ---- batch.c ---- */

/* bh_store_begin, whatever is missing. */
BH_MUST int batch_begin(struct bh_store *s, unsigned wait_ms);

/* ---- texts.c ---- */

struct texts {
	struct text_slot *slots; /* a power of two */
	size_t room, used;
};
/* The one place in the arena where such a text stands.  NULL when memory ran out. */
const char *texts_one(struct texts *t, uint64_t seed, struct bh_arena *a, const char *text);
void texts_free(struct texts *t);

/* ---- parts.c ---- */

/* The id of a part; add: make it when there is none, else -ENOENT. */
BH_MUST int part_id(
	struct bh_store *s, enum part which, const struct bh_talk *t, bool add, uint32_t *ret);
/* Forgets what is remembered of ids: they may be others after this. */
void parts_forget(struct bh_store *s);

/* ---- reader.c ---- */

/* Parts by their ids, for whoever reads many rows. */
struct part_reader {
	struct bh_store *s;
	struct bh_arena *keep; /* where texts stay; NULL: they are gone with the next read */
	struct texts texts; /* that stay */
	struct part_copies *copies[PARTS];
};
/* Sets the part's fields of t.  -EIO when there is no such part, or no sane one. */
BH_MUST int part_read(struct part_reader *r, enum part which, int64_t id, struct bh_talk *t);
void part_reader_free(struct part_reader *r);

/* ---- put.c ---- */

/* Writes what is pending; then the database can be read. */
BH_MUST int put_flush(struct bh_store *s);
/* After the last write of a batch: parts that no row uses any more go. */
BH_MUST int put_sweep(struct bh_store *s);
void put_forget(struct bh_store *s);

/* ---- source.c ---- */

/* The tally's columns, once for writing and reading. */
struct tally_column {
	const char *column;
	size_t offset;
};
#define SOURCE_TALLY (sizeof(struct bh_tally) / sizeof(uint64_t))
extern const struct tally_column source_tally[SOURCE_TALLY];
extern const char *const source_name_kinds[BH_NAME_KINDS];

/* An array that grows in the arena: room for one element behind n; NULL: no memory. */
void *store_one_more(struct bh_arena *a, void *v, size_t n, size_t *room, size_t size);

/* ---- query.c ---- */

/* The statement that reads rows; count: that counts them instead. */
BH_MUST int query_prepare(
	struct bh_store *s, const struct bh_store_filter *filter, bool count, sqlite3_stmt **ret);

/* ---- hidden.c ---- */

/* Whether the database is one of pseudonyms. */
BH_MUST int hidden_kept(struct bh_store *s, bool *ret);
