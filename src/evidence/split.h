/*
 * split: where one record ends and the next begins, in decoded text.  Behind feed.h.
 */
#pragma once

#include "evidence/feed.h"

enum { SPLIT_OUTER = 8, SPLIT_KEY = 16 };

/* What a container that is no record itself holds. */
enum split_outer { OUTER_OBJECT, OUTER_PLAIN, OUTER_COLUMNS, OUTER_ROWS };

struct split {
	bh_record_fn fn;
	void *ctx;
	uint8_t *buf; /* what is there of the record; it grows, up to BH_RECORD_MAX */
	size_t len, cap;
	bool no_memory; /* for a record: it ends the feed */
	uint64_t at; /* of the next byte in the file */
	uint64_t start; /* of the record's first */
	bool wide; /* the file is UTF-16 */
	bool inside; /* a record has begun */
	bool over; /* it is longer than BH_RECORD_MAX */
	bool quoted; /* within quotes: CSV's, JSON's */

	/* JSON */
	bool escaped;
	bool value_ok; /* a value may begin here */
	bool is_key; /* the string we are in is a key of the record itself */
	bool skipping; /* a value of an outer object that nobody wants */
	uint32_t depth; /* of containers within the record, or skipped */
	uint64_t objects; /* a bit for each depth: it is an object */
	uint8_t outer[SPLIT_OUTER];
	uint8_t n_outer;
	uint8_t n_key;
	char key[SPLIT_KEY]; /* the last one; longer ones are none of ours */
};

BH_MUST int bh_split_lines(struct split *s, struct bh_span text);
BH_MUST int bh_split_csv(struct split *s, struct bh_span text);
BH_MUST int bh_split_json(struct split *s, struct bh_span text);
BH_MUST int bh_split_end(struct split *s);

/* Used among them: one more byte of the record, the record is there, the record broke. */
void bh_split_put(struct split *s, uint8_t ch);
void bh_split_pass(struct split *s, uint8_t ch); /* a byte that belongs to none */
BH_MUST int bh_split_emit(struct split *s, enum bh_record_place place);
BH_MUST int bh_split_broken(struct split *s);
