/* Sources of evidence, and what they tell beside rows. */
#include "store/open.h"

const char *const source_name_kinds[BH_NAME_KINDS] = {
	[BH_NAME_NETBIOS] = "netbios",
	[BH_NAME_LLMNR] = "llmnr",
	[BH_NAME_MDNS] = "mdns",
	[BH_NAME_LOG] = "log",
};

/* The tally's columns, once for writing and reading. */
const struct tally_column source_tally[] = {
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
static_assert(BH_LEN(source_tally) == SOURCE_TALLY, "every field once");

static int forget(struct bh_store *s, uint32_t source)
{
	static const char *const sql[] = {
		"DELETE FROM conversation WHERE source = ?",
		"DELETE FROM name WHERE source = ?",
		"DELETE FROM event WHERE source = ?",
		"DELETE FROM listed WHERE source = ?",
		"DELETE FROM referral WHERE source = ?",
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

int bh_store_source_is(struct bh_store *s, uint32_t source, const struct bh_source_file *file)
{
	STORE_AUTO_STMT *st = NULL;
	const int64_t v[] = { source, (int64_t)bh_min_size(file->size, INT64_MAX), file->part,
		file->together };

	assert(s->in_batch);
	int r = store_prepare(s,
		"UPDATE source SET size = ?2, part = ?3, together = ?4, how = ?5 WHERE id = ?1",
		&st);
	for (size_t i = 0; !r && i < BH_LEN(v); i++)
		r = store_errno(s->db, sqlite3_bind_int64(st, (int)i + 1, v[i]));
	if (!r)
		r = bind_text(s, st, BH_LEN(v) + 1, file->how ? file->how : "");
	return r ? r : store_run(s, st);
}

int bh_store_source_rename(struct bh_store *s, uint32_t source, const char *identity)
{
	STORE_AUTO_STMT *st = NULL;
	int64_t other = 0;

	assert(s->in_batch);
	int r = source_id(s, identity, &other);
	if (r != -ENOENT)
		return r ? r : other == source ? 0 : -EEXIST;
	r = store_prepare(s, "UPDATE source SET identity = ? WHERE id = ?", &st);
	if (!r)
		r = bind_text(s, st, 1, identity);
	if (!r)
		r = store_errno(s->db, sqlite3_bind_int64(st, 2, source));
	return r ? r : store_run(s, st);
}

int bh_store_tally(struct bh_store *s, uint32_t source, const struct bh_tally *t)
{
	STORE_AUTO_STMT *st = NULL;
	BH_AUTO_BUF sql = { 0 };

	assert(s->in_batch);
	bh_buf_str(&sql, "UPDATE source SET ");
	for (size_t i = 0; i < SOURCE_TALLY; i++)
		bh_buf_printf(&sql, "%s%s = ?", i ? ", " : "", source_tally[i].column);
	bh_buf_str(&sql, " WHERE id = ?");
	int r = bh_buf_ok(&sql) ? store_prepare(s, bh_buf_text(&sql), &st) : -ENOMEM;
	for (size_t i = 0; !r && i < SOURCE_TALLY; i++) {
		uint64_t v;
		memcpy(&v, (const char *)t + source_tally[i].offset, sizeof v);
		r = store_errno(s->db,
			sqlite3_bind_int64(st, (int)i + 1, v > INT64_MAX ? INT64_MAX : (int64_t)v));
	}
	if (!r)
		r = store_errno(s->db, sqlite3_bind_int64(st, (int)SOURCE_TALLY + 1, source));
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
		r = bind_text(s, st, 3, source_name_kinds[seen.kind]);
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
		"DELETE FROM listed WHERE last_seen < ?",
		"DELETE FROM referral WHERE last_seen < ?",
	};
	uint64_t gone[BH_LEN(sql)] = { 0 };

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
	if (gone[0] || gone[1] || gone[2] || gone[3])
		s->sweep = s->scrub = true;
	*ret = gone[0];
	return 0;
}
