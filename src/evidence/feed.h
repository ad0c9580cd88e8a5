/*
 * feed: the bytes of a text log, in whatever pieces they come, as records.
 *
 * UTF-16 becomes UTF-8 (by its mark, or by its first character), marks vanish.  A record
 * is a line, a row of CSV (quoted fields may hold line ends), or a JSON value: NDJSON,
 * values spread over lines, the elements of an array, and those of the arrays that
 * exports wrap events in ({"tables":[{"columns":[…],"rows":[…]}]}, {"value":[…]} …).
 * What comes out does not depend on the pieces.  Inside the room only.
 */
#pragma once

#include "base/cur.h"

#define BH_RECORD_MAX (1024u * 1024)

enum bh_split { BH_SPLIT_LINES, BH_SPLIT_CSV, BH_SPLIT_JSON };

/* Where a JSON record stood. */
enum bh_record_place {
	BH_RECORD_PLAIN,
	BH_RECORD_COLUMN, /* an element of "columns": the description of one */
	BH_RECORD_COLUMNS, /* the array "columns" begins; the record is empty */
	BH_RECORD_ROW, /* an element of "rows" */
};

struct bh_record {
	struct bh_span bytes; /* ptr NULL: it was longer than BH_RECORD_MAX, or broken off */
	uint64_t offset; /* of its first byte in the file */
	enum bh_record_place place;
};

/* 0 to go on; anything else ends bh_feed and is returned from it. */
typedef int (*bh_record_fn)(void *ctx, const struct bh_record *r);

struct bh_feed; /* owned */

/* -ENOMEM */
BH_MUST int bh_feed_new(enum bh_split split, bh_record_fn fn, void *ctx, struct bh_feed **ret);
struct bh_feed *bh_feed_free(struct bh_feed *f);
static inline void bh_feed_freep(struct bh_feed **f)
{
	bh_feed_free(*f);
}

BH_MUST int bh_feed(struct bh_feed *f, struct bh_span bytes);
/* No more bytes follow: what is left is a record too, or one that broke off. */
BH_MUST int bh_feed_end(struct bh_feed *f);
