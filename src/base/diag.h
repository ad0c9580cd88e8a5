/*
 * diag: what is wrong with somebody's input, where, and what to do about it.
 *
 * A value, never a log line.  Rooms collect them; the house prints them.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

enum bh_severity { BH_ERROR, BH_WARNING, BH_NOTE };

struct bh_diag {
	struct bh_diag *next;
	const char *file; /* as the user named it; "-" for standard input */
	const char *text; /* one sentence, no full stop, that says what to do */
	const char *source; /* the whole source line for the caret; NULL: no caret */
	unsigned line; /* from 1; 0: the place is `offset`, or the whole file */
	unsigned column; /* from 1, in characters; 0: the whole line */
	unsigned length; /* characters under the caret, at least 1 when column is set */
	uint64_t offset; /* bytes, for binary files, when line is 0 and has_offset */
	bool has_offset;
	enum bh_severity severity;
};

/* In the order they were found; all memory is the arena's. */
struct bh_diags {
	struct bh_arena *arena;
	struct bh_diag *first, *last;
	unsigned errors, warnings;
};

/* Appends; the caller fills in the place.  Never NULL: when memory runs out a spare
 * record is returned that nobody will read, and the arena says so. */
struct bh_diag *bh_diag_add(struct bh_diags *d, enum bh_severity severity, const char *fmt, ...)
	BH_PRINTF(3, 4);

/* "corp.policy:3:11: error: …", the source line and a caret under the place. */
void bh_diag_render(const struct bh_diag *d, bool color, struct bh_buf *ret);
