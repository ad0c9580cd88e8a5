/* schema: the tables by version, and the columns of a conversation, once, for every
 * statement.  The room's own.
 *
 * A conversation is kept in three parts that repeat: the place (which server and share),
 * the caller (which client and user) and the manner (how, and what became of it).  A row
 * is three small numbers and its figures; texts stand once, whatever the number of rows.
 */
#pragma once

#include <sqlite3.h>

#include "store/store.h"

#define SCHEMA_VERSION     5
#define SCHEMA_APPLICATION 0x62684442 /* "bhDB" */

/* The step from schema version i to i + 1, in pieces; NULL behind the last. */
struct schema_step {
	const char *sql[4];
};
extern const struct schema_step schema_steps[SCHEMA_VERSION];

/* The indexes of rows, taken away and made anew by a batch that is most of the table. */
extern const char schema_no_indexes[], schema_indexes[];

/* Of a source: its identity behind its kind, and its label behind the last slash. */
#define SCHEMA_CONTENT "substr(identity, instr(identity, ':') + 1)"
#define SCHEMA_FILE    "substr(label, length(rtrim(label, replace(label, '/', ''))) + 1)"

enum part { PART_PLACE, PART_CALLER, PART_MANNER, PARTS };

enum column_kind { COLUMN_ADDR, COLUMN_PORT, COLUMN_NAME, COLUMN_FLAG, COLUMN_STATUS, COLUMN_TEXT };

struct column {
	const char *name;
	enum column_kind kind;
	size_t offset; /* in struct bh_conversation, and in struct bh_talk but for texts */
	size_t text_at; /* texts: in struct bh_talk */
	size_t size; /* texts: room with the NUL */
	const char *const *names; /* COLUMN_NAME */
	unsigned n_names;
	uint8_t known; /* BH_KNOWN_* bit, or 0 */
};

struct schema_part {
	const char *table;
	const struct column *columns;
	int n;
};
extern const struct schema_part schema_parts[PARTS];

/* A part ⇄ the first parameters or columns of a statement.  Texts are bound by reference:
 * they must stay until the statement is reset. */
BH_MUST int schema_bind(sqlite3_stmt *st, enum part which, const struct bh_talk *t);
/* Sets the part's fields of c alone.  -EIO for a value that no version of ours wrote. */
BH_MUST int schema_read(sqlite3_stmt *st, enum part which, struct bh_conversation *c);

/* The same in memory: with its texts, so that parts are equal when their bytes are, or with
 * references to them.  Returns the length. */
#define SCHEMA_PACKED 2048
enum packing { PACK_TEXTS, PACK_REFERENCES };
size_t schema_pack(
	enum part which, const struct bh_talk *t, enum packing how, char ret[SCHEMA_PACKED]);
/* Sets the part's fields of t alone; its texts stay where they are. */
void schema_unpack(enum part which, const char *packed, enum packing how, struct bh_talk *t);

/* "-" is no address; -EIO. */
BH_MUST int schema_read_addr(const char *text, struct bh_addr *ret);
