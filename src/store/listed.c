/* Shares that are known to exist, used or not. */
#include "store/open.h"

static int bind_text(struct bh_store *s, sqlite3_stmt *st, int at, const char *text)
{
	return store_errno(s->db, sqlite3_bind_text(st, at, text, -1, SQLITE_TRANSIENT));
}

int bh_store_share(struct bh_store *s, uint32_t source, const struct bh_share_seen *share)
{
	char addr[BH_ADDR_TEXT];
	const char *const texts[] = { bh_addr_format(&share->server, addr), share->server_name,
		share->share, share->path, share->remark };
	const int64_t v[] = { source, share->gone, share->when };
	sqlite3_stmt *st;

	assert(s->in_batch);
	if (s->pseudonyms)
		return 0;
	int r = store_wanted(s, ST_SHARE, &st);
	for (size_t i = 0; !r && i < BH_LEN(texts); i++)
		r = bind_text(s, st, (int)i + 1, texts[i]);
	for (size_t i = 0; !r && i < BH_LEN(v); i++)
		r = store_errno(s->db, sqlite3_bind_int64(st, (int)(BH_LEN(texts) + i) + 1, v[i]));
	return r ? r : store_run(s, st);
}

static const char *column_text(sqlite3_stmt *st, int at)
{
	const char *text = (const char *)sqlite3_column_text(st, at);

	return text ? text : "";
}

/* -EIO for what no version of ours wrote. */
static int read_share(sqlite3_stmt *st, struct bh_arena *a, struct bh_share_listed *ret)
{
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_SHARE };
	const struct {
		char *to;
		size_t size;
	} texts[] = {
		{ f.share.server_name, sizeof f.share.server_name },
		{ f.share.share, sizeof f.share.share },
		{ f.share.path, sizeof f.share.path },
		{ f.share.remark, sizeof f.share.remark },
	};

	if (schema_read_addr(column_text(st, 0), &f.share.server))
		return -EIO;
	for (size_t i = 0; i < BH_LEN(texts); i++) {
		const char *text = column_text(st, (int)i + 1);
		if (strlen(text) >= texts[i].size)
			return -EIO;
		strcpy(texts[i].to, text);
	}
	f.share.when = sqlite3_column_int64(st, 5);
	if (!bh_fact_sane(&f))
		return -EIO;
	*ret = (struct bh_share_listed){ .server = f.share.server,
		.server_name = *texts[0].to ? bh_arena_str(a, texts[0].to) : NULL,
		.share = bh_arena_str(a, texts[1].to),
		.path = *texts[2].to ? bh_arena_str(a, texts[2].to) : NULL,
		.remark = *texts[3].to ? bh_arena_str(a, texts[3].to) : NULL,
		.when = f.share.when };
	return bh_arena_ok(a) ? 0 : -ENOMEM;
}

/* The row of the latest word: SQLite takes the columns beside a max() from there. */
static const char sql[] =
	"SELECT server, server_name, share, path, remark, max(last_seen) FROM listed "
	"GROUP BY server, server_name, share HAVING NOT gone ORDER BY server, server_name, share";

int bh_store_shares(
	struct bh_store *s, struct bh_arena *a, const struct bh_share_listed **ret, size_t *n_ret)
{
	STORE_AUTO_STMT *st = NULL;
	struct bh_share_listed *v = NULL;
	size_t n = 0, room = 0;
	int code = SQLITE_DONE, r = store_prepare(s, sql, &st);

	while (!r && (code = sqlite3_step(st)) == SQLITE_ROW) {
		v = store_one_more(a, v, n, &room, sizeof *v);
		if (!v)
			return -ENOMEM;
		r = read_share(st, a, &v[n]);
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
