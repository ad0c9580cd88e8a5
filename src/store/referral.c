/* Where the parts of DFS namespaces are, as servers say it. */
#include "store/open.h"

int bh_store_referral(struct bh_store *s, uint32_t source, const struct bh_referral *is)
{
	char addr[BH_ADDR_TEXT];
	const char *const texts[] = { is->path, is->target, bh_addr_format(&is->server, addr) };
	const int64_t v[] = { source, is->ttl, is->root, is->when };
	sqlite3_stmt *st;

	assert(s->in_batch);
	if (s->pseudonyms)
		return 0;
	int r = store_wanted(s, ST_REFERRAL, &st);
	for (size_t i = 0; !r && i < BH_LEN(texts); i++)
		r = store_errno(
			s->db, sqlite3_bind_text(st, (int)i + 1, texts[i], -1, SQLITE_TRANSIENT));
	for (size_t i = 0; !r && i < BH_LEN(v); i++)
		r = store_errno(s->db, sqlite3_bind_int64(st, (int)(BH_LEN(texts) + i) + 1, v[i]));
	return r ? r : store_run(s, st);
}

static bool copy(sqlite3_stmt *st, int at, char *to, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(st, at);

	if (!text || strlen(text) >= size)
		return false;
	strcpy(to, text);
	return true;
}

/* -EIO for what no version of ours wrote. */
static int read_one(sqlite3_stmt *st, struct bh_referral *ret)
{
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_REFERRAL };
	struct bh_referral *r = &f.referral;
	const char *server = (const char *)sqlite3_column_text(st, 2);
	int64_t ttl = sqlite3_column_int64(st, 3), root = sqlite3_column_int64(st, 4);

	if (!copy(st, 0, r->path, sizeof r->path) || !copy(st, 1, r->target, sizeof r->target) ||
		!server || schema_read_addr(server, &r->server) || ttl < 0 || ttl > UINT32_MAX ||
		root < 0 || root > 1)
		return -EIO;
	r->ttl = (uint32_t)ttl;
	r->root = (uint8_t)root;
	r->when = sqlite3_column_int64(st, 5);
	if (!bh_fact_sane(&f))
		return -EIO;
	*ret = *r;
	return 0;
}

/* The row of the latest word: SQLite takes the columns beside a max() from there. */
static const char sql[] = "SELECT path, target, server, ttl, whole, max(last_seen) FROM referral "
			  "GROUP BY path, target, server ORDER BY path, target, server";

int bh_store_referrals(
	struct bh_store *s, struct bh_arena *a, const struct bh_referral **ret, size_t *n_ret)
{
	STORE_AUTO_STMT *st = NULL;
	struct bh_referral *v = NULL;
	size_t n = 0, room = 0;
	int code = SQLITE_DONE, r = store_prepare(s, sql, &st);

	while (!r && (code = sqlite3_step(st)) == SQLITE_ROW) {
		v = store_one_more(a, v, n, &room, sizeof *v);
		if (!v)
			return -ENOMEM;
		r = read_one(st, &v[n]);
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
