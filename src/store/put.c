#include "store/open.h"

static int wanted(struct bh_store *s, enum statement which, sqlite3_stmt **ret)
{
	BH_AUTO_BUF sql = { 0 };

	if (s->st[which]) {
		*ret = s->st[which];
		return 0;
	}
	switch (which) {
	case ST_FIND:
		bh_buf_str(&sql, "SELECT id FROM conversation WHERE ");
		for (int i = 0; i < SCHEMA_COLUMNS; i++)
			bh_buf_printf(&sql, "%s%s IS ?%d", i ? " AND " : "", schema_columns[i].name,
				i + 1);
		break;
	case ST_ADD:
		bh_buf_str(&sql, "INSERT INTO conversation (");
		for (int i = 0; i < SCHEMA_COLUMNS; i++)
			bh_buf_printf(&sql, "%s%s", i ? ", " : "", schema_columns[i].name);
		bh_buf_str(&sql, ") VALUES (");
		for (int i = 0; i < SCHEMA_COLUMNS; i++)
			bh_buf_printf(&sql, "%s?%d", i ? ", " : "", i + 1);
		bh_buf_str(&sql, ")");
		break;
	case ST_FIGURES:
		bh_buf_str(&sql, "INSERT OR REPLACE INTO figures VALUES (?, ?, ?, ?, ?, ?, ?)");
		break;
	case ST_TAKE_FIGURES:
		bh_buf_str(&sql, "DELETE FROM figures WHERE conversation = ? AND source = ?");
		break;
	case ST_TAKE_ORPHAN:
	default:
		bh_buf_str(&sql, "DELETE FROM conversation WHERE id = ?1 AND NOT EXISTS "
				 "(SELECT 1 FROM figures WHERE conversation = ?1)");
		break;
	}
	if (!bh_buf_ok(&sql))
		return -ENOMEM;
	int r = store_prepare(s, bh_buf_text(&sql), &s->st[which]);
	if (!r)
		*ret = s->st[which];
	return r;
}

/* Runs a statement that gives no rows and makes it ready for the next time. */
static int run(sqlite3_stmt *st)
{
	int code = sqlite3_step(st);

	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return code == SQLITE_DONE ? 0 : store_errno(code);
}

static int run_numbers(struct bh_store *s, enum statement which, const int64_t *v, int n)
{
	sqlite3_stmt *st;
	int r = wanted(s, which, &st);

	for (int i = 0; !r && i < n; i++)
		r = store_errno(sqlite3_bind_int64(st, i + 1, v[i]));
	return r ? r : run(st);
}

/* -ENOENT when there is none. */
static int find(struct bh_store *s, const struct bh_conversation *who, int64_t *ret)
{
	sqlite3_stmt *st;
	int r = wanted(s, ST_FIND, &st);

	if (!r)
		r = schema_bind(st, who);
	if (r)
		return r;
	int code = sqlite3_step(st);
	int64_t id = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	if (code == SQLITE_DONE)
		return -ENOENT;
	if (code != SQLITE_ROW)
		return store_errno(code);
	*ret = id;
	return 0;
}

static int find_or_add(struct bh_store *s, const struct bh_conversation *who, int64_t *ret)
{
	sqlite3_stmt *st;
	int r = find(s, who, ret);

	if (r != -ENOENT)
		return r;
	r = wanted(s, ST_ADD, &st);
	if (!r)
		r = schema_bind(st, who);
	if (!r)
		r = run(st);
	if (!r)
		*ret = sqlite3_last_insert_rowid(s->db);
	return r;
}

static int take_away(struct bh_store *s, uint32_t source, const struct bh_conversation *who)
{
	int64_t id;
	int r = find(s, who, &id);

	if (r)
		return r == -ENOENT ? 0 : r;
	r = run_numbers(s, ST_TAKE_FIGURES, (const int64_t[]){ id, source }, 2);
	return r ? r : run_numbers(s, ST_TAKE_ORPHAN, &id, 1);
}

static int put_one(struct bh_store *s, uint32_t source, const struct bh_row *row)
{
	const struct bh_figures *f = &row->figures;
	int64_t id;

	if (!f->connections && !f->bytes_to_server && !f->bytes_to_client && !f->last_seen)
		return take_away(s, source, &row->who);
	int r = find_or_add(s, &row->who, &id);
	if (r)
		return r;
	const int64_t v[] = { id, source, (int64_t)f->connections, (int64_t)f->bytes_to_server,
		(int64_t)f->bytes_to_client, f->first_seen, f->last_seen };
	return run_numbers(s, ST_FIGURES, v, BH_LEN(v));
}

int bh_store_put(struct bh_store *s, uint32_t source, const struct bh_row *rows, size_t n)
{
	int r = 0;

	assert(s->in_batch);
	for (size_t i = 0; !r && i < n; i++)
		r = put_one(s, source, &rows[i]);
	return r;
}

static int forget(struct bh_store *s, uint32_t source)
{
	STORE_AUTO_STMT *st = NULL;
	int r = store_prepare(s, "DELETE FROM figures WHERE source = ?", &st);

	if (!r)
		r = store_errno(sqlite3_bind_int64(st, 1, source));
	if (!r)
		r = run(st);
	return r ? r
		 : store_exec(s, "DELETE FROM conversation WHERE NOT EXISTS "
				 "(SELECT 1 FROM figures WHERE conversation = conversation.id)");
}

int bh_store_source(
	struct bh_store *s, const char *identity, const char *label, bool replace, uint32_t *ret)
{
	STORE_AUTO_STMT *st = NULL;

	assert(s->in_batch);
	int r = store_prepare(s,
		"INSERT INTO source (identity, label) VALUES (?, ?) "
		"ON CONFLICT (identity) DO UPDATE SET label = excluded.label RETURNING id",
		&st);
	if (!r)
		r = store_errno(sqlite3_bind_text(st, 1, identity, -1, SQLITE_TRANSIENT));
	if (!r)
		r = store_errno(sqlite3_bind_text(st, 2, label, -1, SQLITE_TRANSIENT));
	if (r)
		return r;
	int code = sqlite3_step(st);
	if (code != SQLITE_ROW)
		return store_errno(code);
	int64_t id = sqlite3_column_int64(st, 0);
	code = sqlite3_step(st);
	if (code != SQLITE_DONE)
		return store_errno(code);
	if (id <= 0 || id > UINT32_MAX)
		return -EOVERFLOW;
	if (replace)
		r = forget(s, (uint32_t)id);
	if (r)
		return r;
	*ret = (uint32_t)id;
	return 0;
}

int bh_store_tally(struct bh_store *s, uint32_t source, const struct bh_tally *t)
{
	const uint64_t v[] = { t->packets, t->bytes, t->messages, t->kernel_drops,
		t->truncated_packets, t->fragments, t->gaps, t->gap_bytes, t->malformed, t->evicted,
		t->unknown_frames, t->flows, t->log_events, t->log_lost };
	STORE_AUTO_STMT *st = NULL;

	assert(s->in_batch);
	int r = store_prepare(s,
		"UPDATE source SET packets = ?, bytes = ?, messages = ?, kernel_drops = ?, "
		"truncated_packets = ?, fragments = ?, gaps = ?, gap_bytes = ?, malformed = ?, "
		"evicted = ?, unknown_frames = ?, flows = ?, log_events = ?, log_lost = ? WHERE id = ?",
		&st);
	for (size_t i = 0; !r && i < BH_LEN(v); i++)
		r = store_errno(sqlite3_bind_int64(
			st, (int)i + 1, v[i] > INT64_MAX ? INT64_MAX : (int64_t)v[i]));
	if (!r)
		r = store_errno(sqlite3_bind_int64(st, (int)BH_LEN(v) + 1, source));
	return r ? r : run(st);
}
