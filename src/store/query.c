/* Which rows: a filter as the statement that visits few of them. */
#include "store/open.h"

#define SEEN_FEW 20000 /* by their time, when so few are left; else all are walked through */

/* Where the wanted value stands when names are revealed: not in an index. */
static const char *shown(const struct bh_store *s, const char *plain, const char *revealed)
{
	return s->reveal ? revealed : plain;
}

static void caller_conditions(
	const struct bh_store *s, const struct bh_store_filter *f, struct bh_buf *b)
{
	if (f->client.family)
		bh_buf_str(b, " AND w.client = :client");
	if (f->workstation)
		bh_buf_printf(b, " AND %s = :workstation COLLATE NOCASE",
			shown(s, "w.workstation", "reveal(w.workstation)"));
	if (f->user)
		bh_buf_printf(
			b, " AND %s = :user COLLATE NOCASE", shown(s, "w.user", "reveal(w.user)"));
	if (f->user && strchr(f->user, '\\'))
		bh_buf_printf(b, " AND %s = :domain COLLATE NOCASE",
			shown(s, "w.domain", "reveal(w.domain)"));
}

static void place_conditions(
	const struct bh_store *s, const struct bh_store_filter *f, struct bh_buf *b)
{
	if (f->server.family)
		bh_buf_str(b, " AND p.server = :server");
	if (f->server_name)
		bh_buf_str(b, " AND p.server_name = :server_name COLLATE NOCASE");
	if (f->share && strchr(f->share, '\\'))
		bh_buf_printf(b, " AND %s = :share COLLATE NOCASE",
			shown(s, "p.share", "reveal_share(p.share)"));
	else if (f->share)
		bh_buf_printf(b, " AND %s = :share COLLATE NOCASE",
			shown(s, "p.share_name", "reveal(p.share_name)"));
	if (f->port)
		bh_buf_str(b, " AND p.port = :port");
	if (!f->transports)
		return;
	bh_buf_str(b, " AND p.transport IN (");
	for (unsigned i = 0, n = 0; i < BH_TRANSPORTS; i++) {
		if (f->transports >> i & 1)
			bh_buf_printf(b, "%s'%s'", n++ ? ", " : "", bh_transport_names[i]);
	}
	bh_buf_str(b, ")");
}

static int bind_text(struct bh_store *s, sqlite3_stmt *st, const char *name, const char *text)
{
	int at = sqlite3_bind_parameter_index(st, name);

	if (!at || !text)
		return 0;
	return store_errno(s->db, sqlite3_bind_text(st, at, text, -1, SQLITE_TRANSIENT));
}

static int bind_addr(
	struct bh_store *s, sqlite3_stmt *st, const char *name, const struct bh_addr *addr)
{
	char text[BH_ADDR_TEXT];

	return bind_text(s, st, name, bh_addr_format(addr, text));
}

static int bind_number(struct bh_store *s, sqlite3_stmt *st, const char *name, int64_t v)
{
	int at = sqlite3_bind_parameter_index(st, name);

	return at ? store_errno(s->db, sqlite3_bind_int64(st, at, v)) : 0;
}

static int bind_user(struct bh_store *s, sqlite3_stmt *st, const char *user)
{
	const char *slash = user ? strchr(user, '\\') : NULL;
	BH_AUTO_BUF domain = { 0 };

	if (slash)
		bh_buf_add(&domain, user, (size_t)(slash - user));
	if (!bh_buf_ok(&domain))
		return -ENOMEM;
	int r = bind_text(s, st, ":user", slash ? slash + 1 : user);
	return r ? r : bind_text(s, st, ":domain", bh_buf_text(&domain));
}

static int bind_all(struct bh_store *s, sqlite3_stmt *st, const struct bh_store_filter *f)
{
	int r = bind_addr(s, st, ":client", &f->client);

	if (!r)
		r = bind_addr(s, st, ":server", &f->server);
	if (!r)
		r = bind_text(s, st, ":workstation", f->workstation);
	if (!r)
		r = bind_text(s, st, ":server_name", f->server_name);
	if (!r)
		r = bind_text(s, st, ":share", f->share);
	if (!r)
		r = bind_user(s, st, f->user);
	if (!r)
		r = bind_number(s, st, ":port", f->port);
	if (!r)
		r = bind_number(s, st, ":since", f->since);
	return r ? r : bind_number(s, st, ":until", f->until);
}

static int seen_few(struct bh_store *s, bh_time since, bool *ret)
{
	char sql[192];
	int64_t n;

	snprintf(sql, sizeof sql,
		"SELECT count(*) FROM (SELECT 1 FROM conversation INDEXED BY conversation_seen "
		"WHERE last_seen >= %lld LIMIT %d)",
		(long long)since, SEEN_FEW + 1);
	int r = store_number(s, sql, &n);
	if (!r)
		*ret = n <= SEEN_FEW;
	return r;
}

/* Rows of one conversation follow each other, by whatever way they are found: callers one
 * by one through their index, places one by one, few by their time, or all by their key.
 * SQLite is told which; it does not know how many callers or places a filter leaves. */
static int from(struct bh_store *s, const struct bh_store_filter *f, bool count, struct bh_buf *b)
{
	BH_AUTO_BUF caller = { 0 };
	BH_AUTO_BUF place = { 0 };
	bool few = false;

	caller_conditions(s, f, &caller);
	place_conditions(s, f, &place);
	int r = f->since && !caller.len && !place.len ? seen_few(s, f->since, &few) : 0;
	if (r)
		return r;
	if (caller.len) {
		bh_buf_printf(b,
			"FROM caller w CROSS JOIN conversation c INDEXED BY conversation_caller "
			"ON c.caller = w.id WHERE 1%s",
			bh_buf_text(&caller));
		if (place.len)
			bh_buf_printf(b, " AND +c.place IN (SELECT id FROM place p WHERE 1%s)",
				bh_buf_text(&place));
	} else if (place.len) {
		bh_buf_printf(b,
			"FROM place p CROSS JOIN conversation c ON c.place = p.id WHERE 1%s",
			bh_buf_text(&place));
	} else {
		bh_buf_printf(b, "FROM conversation c %s WHERE 1",
			few ? "INDEXED BY conversation_seen" : "NOT INDEXED");
	}
	if (f->since)
		bh_buf_str(b, " AND c.last_seen >= :since");
	if (f->until)
		bh_buf_str(b, " AND c.first_seen <= :until");
	if (!count && !caller.len && !place.len)
		bh_buf_str(b, " ORDER BY c.place, c.caller, c.manner, c.source");
	return bh_buf_ok(b) && bh_buf_ok(&caller) && bh_buf_ok(&place) ? 0 : -ENOMEM;
}

int bh_store_addressed(struct bh_store *s, bool *ret)
{
	int64_t bare;
	int r = store_number(s,
		"SELECT EXISTS (SELECT 1 FROM place WHERE server = '-') "
		"OR EXISTS (SELECT 1 FROM caller WHERE client = '-')",
		&bare);

	if (!r)
		*ret = !bare;
	return r;
}

int query_prepare(
	struct bh_store *s, const struct bh_store_filter *filter, bool count, sqlite3_stmt **ret)
{
	static const struct bh_store_filter everything;
	const struct bh_store_filter *f = filter ? filter : &everything;
	BH_AUTO_BUF sql = { 0 };

	bh_buf_str(&sql, count ? "SELECT count(*) "
			       : "SELECT c.place, c.caller, c.manner, c.source, c.connections, "
				 "c.bytes_to_server, c.bytes_to_client, c.first_seen, c.last_seen, "
				 "c.opens, c.pipes ");
	int r = from(s, f, count, &sql);
	if (!r)
		r = store_prepare(s, bh_buf_text(&sql), ret);
	return r ? r : bind_all(s, *ret, f);
}
