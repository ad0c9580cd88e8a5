/* What sources told beside rows, read back. */
#include "store/open.h"

/* Room for one more at the end of an array that doubles in the arena. */
void *store_one_more(struct bh_arena *a, void *v, size_t n, size_t *room, size_t size)
{
	if (n < *room)
		return v;
	size_t more = *room ? *room * 2 : 16;
	void *w = bh_arena_array(a, more, size);
	if (w && n)
		memcpy(w, v, n * size);
	*room = more;
	return w;
}

static const char *column_text(sqlite3_stmt *st, int at)
{
	const char *text = (const char *)sqlite3_column_text(st, at);

	return text ? text : "";
}

static void read_source(sqlite3_stmt *st, struct bh_arena *a, struct bh_source_row *row)
{
	row->id = (uint32_t)sqlite3_column_int64(st, 0);
	row->identity = bh_arena_str(a, column_text(st, 1));
	row->label = bh_arena_str(a, column_text(st, 2));
	row->first_seen = sqlite3_column_int64(st, 3);
	row->last_seen = sqlite3_column_int64(st, 4);
	row->file.size = (uint64_t)sqlite3_column_int64(st, 5);
	row->file.how = bh_arena_str(a, column_text(st, 6));
	row->file.part = sqlite3_column_int64(st, 7) != 0;
	row->file.together = (uint32_t)sqlite3_column_int64(st, 8);
	for (size_t i = 0; i < SOURCE_TALLY; i++) {
		uint64_t v = (uint64_t)sqlite3_column_int64(st, (int)i + 9);
		memcpy((char *)&row->tally + source_tally[i].offset, &v, sizeof v);
	}
}

static int prepare_sources(struct bh_store *s, const char *where, sqlite3_stmt **ret)
{
	BH_AUTO_BUF sql = { 0 };

	bh_buf_str(&sql,
		"SELECT id, identity, label, first_seen, last_seen, size, how, part, together");
	for (size_t i = 0; i < SOURCE_TALLY; i++)
		bh_buf_printf(&sql, ", %s", source_tally[i].column);
	bh_buf_printf(&sql, " FROM source %s ORDER BY id", where);
	return bh_buf_ok(&sql) ? store_prepare(s, bh_buf_text(&sql), ret) : -ENOMEM;
}

/* where has one parameter, for text, or for number when that is NULL; or none. */
static int read_sources(struct bh_store *s, const char *where, const char *text, int64_t number,
	struct bh_arena *a, const struct bh_source_row **ret, size_t *n_ret)
{
	STORE_AUTO_STMT *st = NULL;
	struct bh_source_row *v = NULL;
	size_t n = 0, room = 0;
	int code = SQLITE_DONE, r = s->in_batch ? put_flush(s) : 0;

	if (!r)
		r = prepare_sources(s, where, &st);
	if (!r && text)
		r = store_errno(s->db, sqlite3_bind_text(st, 1, text, -1, SQLITE_TRANSIENT));
	else if (!r && number)
		r = store_errno(s->db, sqlite3_bind_int64(st, 1, number));
	while (!r && (code = sqlite3_step(st)) == SQLITE_ROW) {
		v = store_one_more(a, v, n, &room, sizeof *v);
		if (!v)
			return -ENOMEM;
		read_source(st, a, &v[n++]);
	}
	if (!r && code != SQLITE_DONE)
		r = store_errno(s->db, code);
	if (!r && !bh_arena_ok(a))
		r = -ENOMEM;
	if (r)
		return r;
	*ret = v;
	*n_ret = n;
	return 0;
}

int bh_store_sources(
	struct bh_store *s, struct bh_arena *a, const struct bh_source_row **ret, size_t *n_ret)
{
	return read_sources(s, "", NULL, 0, a, ret, n_ret);
}

int bh_store_sources_of(struct bh_store *s, const char *content, struct bh_arena *a,
	const struct bh_source_row **ret, size_t *n_ret)
{
	return read_sources(s, "WHERE " SCHEMA_CONTENT " = ?", content, 0, a, ret, n_ret);
}

int bh_store_sources_called(struct bh_store *s, const char *name, struct bh_arena *a,
	const struct bh_source_row **ret, size_t *n_ret)
{
	return read_sources(s, "WHERE " SCHEMA_FILE " = ?", name, 0, a, ret, n_ret);
}

int bh_store_sources_together(struct bh_store *s, uint32_t together, struct bh_arena *a,
	const struct bh_source_row **ret, size_t *n_ret)
{
	assert(together);
	return read_sources(s, "WHERE together = ?", NULL, together, a, ret, n_ret);
}

static int kind_of(const char *text)
{
	for (int i = 0; i < BH_NAME_KINDS; i++) {
		if (!strcmp(source_name_kinds[i], text))
			return i;
	}
	return BH_NAME_KINDS;
}

/* -EIO for what no version of ours wrote. */
static int read_name(struct bh_store *s, sqlite3_stmt *st, struct bh_name_seen *ret)
{
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_NAME };
	const char *name = column_text(st, 1);
	int64_t roles = sqlite3_column_int64(st, 3), group = sqlite3_column_int64(st, 4);

	if (strlen(name) >= sizeof f.name.name || roles < 0 || roles > BH_ROLES_ALL || group < 0 ||
		group > 1 || schema_read_addr(column_text(st, 0), &f.name.addr))
		return -EIO;
	strcpy(f.name.name, name);
	f.name.kind = (uint8_t)kind_of(column_text(st, 2));
	f.name.roles = (uint8_t)roles;
	f.name.group = (uint8_t)group;
	f.name.when = sqlite3_column_int64(st, 5);
	if (!bh_fact_sane(&f))
		return -EIO;
	if (s->reveal)
		bh_pseudonyms_reveal_name(s->reveal, &f.name);
	*ret = f.name;
	return 0;
}

static bool join_name(struct bh_name_seen *to, const struct bh_name_seen *n)
{
	if (to->kind != n->kind || !bh_addr_equal(&to->addr, &n->addr) || strcmp(to->name, n->name))
		return false;
	to->roles |= n->roles;
	to->group |= n->group;
	if (n->when > to->when)
		to->when = n->when;
	return true;
}

int bh_store_names(
	struct bh_store *s, struct bh_arena *a, const struct bh_name_seen **ret, size_t *n_ret)
{
	STORE_AUTO_STMT *st = NULL;
	struct bh_name_seen *v = NULL, seen;
	size_t n = 0, room = 0;
	int code = SQLITE_DONE;
	int r = store_prepare(s,
		"SELECT address, name, kind, roles, \"group\", last_seen FROM name "
		"ORDER BY address, name, kind, source",
		&st);

	while (!r && (code = sqlite3_step(st)) == SQLITE_ROW) {
		r = read_name(s, st, &seen);
		if (r || (n && join_name(&v[n - 1], &seen)))
			continue;
		v = store_one_more(a, v, n, &room, sizeof *v);
		if (!v)
			return -ENOMEM;
		v[n++] = seen;
	}
	if (!r && code != SQLITE_DONE)
		r = store_errno(s->db, code);
	if (r)
		return r;
	*ret = v;
	*n_ret = n;
	return 0;
}

static int read_event(sqlite3_stmt *st, struct bh_event_row *ret)
{
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_EVENTS };
	const char *provider = column_text(st, 1);
	int64_t source = sqlite3_column_int64(st, 0), id = sqlite3_column_int64(st, 2);
	int64_t count = sqlite3_column_int64(st, 3), read = sqlite3_column_int64(st, 4);

	if (source <= 0 || source > UINT32_MAX || id < 0 || id > UINT32_MAX || count < 0 ||
		read < 0 || read > 1 || strlen(provider) >= sizeof f.events.provider)
		return -EIO;
	strcpy(f.events.provider, provider);
	f.events.id = (uint32_t)id;
	f.events.count = (uint64_t)count;
	f.events.read = (uint8_t)read;
	if (!bh_fact_sane(&f))
		return -EIO;
	ret->source = (uint32_t)source;
	ret->is = f.events;
	return 0;
}

int bh_store_event_counts(
	struct bh_store *s, struct bh_arena *a, const struct bh_event_row **ret, size_t *n_ret)
{
	STORE_AUTO_STMT *st = NULL;
	struct bh_event_row *v = NULL;
	size_t n = 0, room = 0;
	int code = SQLITE_DONE;
	int r = store_prepare(s,
		"SELECT source, provider, id, count, read FROM event ORDER BY source, provider, id",
		&st);

	while (!r && (code = sqlite3_step(st)) == SQLITE_ROW) {
		v = store_one_more(a, v, n, &room, sizeof *v);
		if (!v)
			return -ENOMEM;
		r = read_event(st, &v[n]);
		n += !r;
	}
	if (!r && code != SQLITE_DONE)
		r = store_errno(s->db, code);
	if (r)
		return r;
	*ret = v;
	*n_ret = n;
	return 0;
}
