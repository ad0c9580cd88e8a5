/* schema: the columns of a conversation, once, for every statement.  The room's own. */
#pragma once

#include <sqlite3.h>

#include "store/store.h"

#define SCHEMA_VERSION     1
#define SCHEMA_APPLICATION 0x62684442 /* "bhDB" */

/* The step from schema version i to i + 1. */
extern const char *const schema_steps[SCHEMA_VERSION];

enum column_kind { COLUMN_ADDR, COLUMN_PORT, COLUMN_NAME, COLUMN_FLAG, COLUMN_STATUS, COLUMN_TEXT };

struct column {
	const char *name;
	enum column_kind kind;
	size_t offset; /* in struct bh_conversation */
	size_t size; /* texts: room with the NUL */
	const char *const *names; /* COLUMN_NAME */
	unsigned n_names;
	uint8_t known; /* BH_KNOWN_* bit, or 0 */
};

#define SCHEMA_COLUMNS 27
extern const struct column schema_columns[SCHEMA_COLUMNS];

/* "client, server, …" */
void schema_column_list(struct bh_buf *b);

/* Columns of a statement ⇄ a conversation.  Texts are bound by reference: c must stay
 * until the statement is reset. */
BH_MUST int schema_bind(sqlite3_stmt *st, const struct bh_conversation *c);
/* -EIO for a value that no version of ours wrote. */
BH_MUST int schema_read(sqlite3_stmt *st, struct bh_conversation *ret);
