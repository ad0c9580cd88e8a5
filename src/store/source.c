/* Sources of evidence, and what they tell beside rows. */
#include "store/open.h"

static const char *const kinds[BH_NAME_KINDS] = {
	[BH_NAME_NETBIOS] = "netbios",
	[BH_NAME_LLMNR] = "llmnr",
	[BH_NAME_MDNS] = "mdns",
	[BH_NAME_LOG] = "log",
};

/* The tally's columns, once for writing and reading. */
static const struct {
	const char *column;
	size_t offset;
} tally[] = {
#define TALLY(field)                                                                               \
	{                                                                                          \
#field, offsetof(struct bh_tally, field)                                           \
	}
	TALLY(packets),
	TALLY(bytes),
	TALLY(messages),
	TALLY(kernel_drops),
	TALLY(truncated_packets),
	TALLY(fragments),
	TALLY(gaps),
	TALLY(gap_bytes),
	TALLY(malformed),
	TALLY(evicted),
	TALLY(unknown_frames),
	TALLY(flows),
	TALLY(log_events),
	TALLY(log_lost),
	TALLY(records),
	TALLY(unreadable),
#undef TALLY
};
static_assert(sizeof(struct bh_tally) == BH_LEN(tally) * sizeof(uint64_t), "every field once");

/* ---- told ---- */

static int forget(struct bh_store *s, uint32_t source)
{
	static const char *const sql[] = {
		"DELETE FROM conversation WHERE source = ?",
		"DELETE FROM name WHERE source = ?",
		"DELETE FROM event WHERE source = ?",
		"UPDATE source SET first_seen = 0, last_seen = 0 WHERE id = ?",
	};
	int r = put_flush(s);

	for (size_t i = 0; !r && i < BH_LEN(sql); i++) {
		STORE_AUTO_STMT *st = NULL;
		r = store_prepare(s, sql[i], &st);
		if (!r)
			r = store_errno(s->db, sqlite3_bind_int64(st, 1, source));
		if (!r)
			r = store_run(s, st);
	}
	s->sweep = true;
	return r ? r : bh_store_tally(s, source, &(struct bh_tally){ 0 });
}

static int bind_text(struct bh_store *s, sqlite3_stmt *st, int at, const char *text)
{
	return store_errno(s->db, sqlite3_bind_text(st, at, text, -1, SQLITE_TRANSIENT));
}

static int source_id(struct bh_store *s, const char *identity, int64_t *ret)
{
	STORE_AUTO_STMT *st = NULL;
	int r = store_prepare(s, "SELECT id FROM source WHERE identity = ?", &st);

	if (!r)
		r = bind_text(s, st, 1, identity);
	if (r)
		return r;
	int code = sqlite3_step(st);
	if (code != SQLITE_ROW)
		return code == SQLITE_DONE ? -ENOENT : store_errno(s->db, code);
	*ret = sqlite3_column_int64(st, 0);
	return 0;
}

int bh_store_source(
	struct bh_store *s, const char *identity, const char *label, bool replace, uint32_t *ret)
{
	STORE_AUTO_STMT *st = NULL;
	int64_t id = 0;

	assert(s->in_batch);
	int known = source_id(s, identity, &id);
	if (known && known != -ENOENT)
		return known;
	int r = store_prepare(s,
		"INSERT INTO source (identity, label) VALUES (?, ?) "
		"ON CONFLICT (identity) DO UPDATE SET label = excluded.label "
		"WHERE label IS NOT excluded.label",
		&st);
	if (!r)
		r = bind_text(s, st, 1, identity);
	if (!r)
		r = bind_text(s, st, 2, label);
	if (!r)
		r = store_run(s, st);
	if (!r && known == -ENOENT)
		id = sqlite3_last_insert_rowid(s->db);
	if (!r && (id <= 0 || id > UINT32_MAX))
		r = -EOVERFLOW;
	if (!r && !known && replace)
		r = forget(s, (uint32_t)id);
	if (!r)
		*ret = (uint32_t)id;
	return r;
}

int bh_store_tally(struct bh_store *s, uint32_t source, const struct bh_tally *t)
{
	STORE_AUTO_STMT *st = NULL;
	BH_AUTO_BUF sql = { 0 };

	assert(s->in_batch);
	bh_buf_str(&sql, "UPDATE source SET ");
	for (size_t i = 0; i < BH_LEN(tally); i++)
		bh_buf_printf(&sql, "%s%s = ?", i ? ", " : "", tally[i].column);
	bh_buf_str(&sql, " WHERE id = ?");
	int r = bh_buf_ok(&sql) ? store_prepare(s, bh_buf_text(&sql), &st) : -ENOMEM;
	for (size_t i = 0; !r && i < BH_LEN(tally); i++) {
		uint64_t v;
		memcpy(&v, (const char *)t + tally[i].offset, sizeof v);
		r = store_errno(s->db,
			sqlite3_bind_int64(st, (int)i + 1, v > INT64_MAX ? INT64_MAX : (int64_t)v));
	}
	if (!r)
		r = store_errno(s->db, sqlite3_bind_int64(st, (int)BH_LEN(tally) + 1, source));
	return r ? r : store_run(s, st);
}

int bh_store_name(struct bh_store *s, uint32_t source, const struct bh_name_seen *n)
{
	char addr[BH_ADDR_TEXT];
	struct bh_name_seen seen = *n;
	sqlite3_stmt *st;

	assert(s->in_batch);
	if (s->hide)
		bh_pseudonyms_hide_name(s->hide, &seen);
	int r = store_wanted(s, ST_NAME, &st);
	if (!r)
		r = bind_text(s, st, 1, bh_addr_format(&seen.addr, addr));
	if (!r)
		r = bind_text(s, st, 2, seen.name);
	if (!r)
		r = bind_text(s, st, 3, kinds[seen.kind]);
	const int64_t v[] = { source, seen.roles, seen.group, seen.when };
	for (size_t i = 0; !r && i < BH_LEN(v); i++)
		r = store_errno(s->db, sqlite3_bind_int64(st, (int)i + 4, v[i]));
	return r ? r : store_run(s, st);
}

int bh_store_events(struct bh_store *s, uint32_t source, const struct bh_event_count *e)
{
	sqlite3_stmt *st;

	assert(s->in_batch);
	int r = store_wanted(s, ST_EVENT, &st);
	if (!r)
		r = bind_text(s, st, 1, e->provider);
	const int64_t v[] = { source, e->id, (int64_t)e->count, e->read };
	for (size_t i = 0; !r && i < BH_LEN(v); i++)
		r = store_errno(s->db, sqlite3_bind_int64(st, (int)i + 2, v[i]));
	return r ? r : store_run(s, st);
}

int bh_store_retain(struct bh_store *s, bh_time before, uint64_t *ret)
{
	static const char *const sql[] = {
		"DELETE FROM conversation WHERE last_seen < ?",
		"DELETE FROM name WHERE last_seen < ?",
	};
	uint64_t gone[2] = { 0 };

	assert(s->in_batch);
	int r = put_flush(s);
	for (size_t i = 0; !r && i < BH_LEN(sql); i++) {
		STORE_AUTO_STMT *st = NULL;
		r = store_prepare(s, sql[i], &st);
		if (!r)
			r = store_errno(s->db, sqlite3_bind_int64(st, 1, before));
		if (!r)
			r = store_run(s, st);
		gone[i] = (uint64_t)sqlite3_changes64(s->db);
	}
	if (r)
		return r;
	if (gone[0] || gone[1])
		s->sweep = s->scrub = true;
	*ret = gone[0];
	return 0;
}

/* ---- read ---- */

/* Room for one more at the end of an array that doubles in the arena. */
static void *one_more(struct bh_arena *a, void *v, size_t n, size_t *room, size_t size)
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
	for (size_t i = 0; i < BH_LEN(tally); i++) {
		uint64_t v = (uint64_t)sqlite3_column_int64(st, (int)i + 5);
		memcpy((char *)&row->tally + tally[i].offset, &v, sizeof v);
	}
}

int bh_store_sources(
	struct bh_store *s, struct bh_arena *a, const struct bh_source_row **ret, size_t *n_ret)
{
	STORE_AUTO_STMT *st = NULL;
	BH_AUTO_BUF sql = { 0 };
	struct bh_source_row *v = NULL;
	size_t n = 0, room = 0;
	int code = SQLITE_DONE, r = s->in_batch ? put_flush(s) : 0;

	bh_buf_str(&sql, "SELECT id, identity, label, first_seen, last_seen");
	for (size_t i = 0; i < BH_LEN(tally); i++)
		bh_buf_printf(&sql, ", %s", tally[i].column);
	bh_buf_str(&sql, " FROM source ORDER BY id");
	if (!r)
		r = bh_buf_ok(&sql) ? store_prepare(s, bh_buf_text(&sql), &st) : -ENOMEM;
	while (!r && (code = sqlite3_step(st)) == SQLITE_ROW) {
		v = one_more(a, v, n, &room, sizeof *v);
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

static int kind_of(const char *text)
{
	for (int i = 0; i < BH_NAME_KINDS; i++) {
		if (!strcmp(kinds[i], text))
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
		v = one_more(a, v, n, &room, sizeof *v);
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
		v = one_more(a, v, n, &room, sizeof *v);
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
