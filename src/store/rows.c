#include "store/open.h"

#include <stdlib.h>

/* Rows come one figure at a time; those of one conversation follow each other. */
struct reading {
	struct bh_arena *a;
	struct bh_row *v;
	size_t n, room;
	int64_t last; /* the conversation of v[n - 1] */
	uint32_t *sources; /* room for the sources of v[n - 1] */
	size_t sources_room;
};

static int add_source(struct reading *g, struct bh_row *row, uint32_t source)
{
	if (row->n_sources == g->sources_room) {
		size_t room = g->sources_room ? g->sources_room * 2 : 1;
		uint32_t *v = bh_arena_array(g->a, room, sizeof *v);
		if (!v)
			return -ENOMEM;
		if (row->n_sources)
			memcpy(v, g->sources, row->n_sources * sizeof *v);
		g->sources = v;
		g->sources_room = room;
		row->sources = v;
	}
	g->sources[row->n_sources++] = source;
	return 0;
}

static bool figure(sqlite3_stmt *st, int at, uint64_t *ret)
{
	int64_t v = sqlite3_column_int64(st, at);

	/* The same bounds as for a fact, so that sums cannot wrap. */
	if (v < 0 || v >= (int64_t)1 << 62)
		return false;
	*ret += (uint64_t)v;
	return *ret < (uint64_t)1 << 62;
}

static int add_figures(struct reading *g, sqlite3_stmt *st, struct bh_row *row)
{
	struct bh_figures *f = &row->figures;
	int at = SCHEMA_COLUMNS + 1;
	int64_t source = sqlite3_column_int64(st, at);
	bh_time first = sqlite3_column_int64(st, at + 4), last = sqlite3_column_int64(st, at + 5);

	if (source <= 0 || source > UINT32_MAX || first < 0 || last < first ||
		!figure(st, at + 1, &f->connections) || !figure(st, at + 2, &f->bytes_to_server) ||
		!figure(st, at + 3, &f->bytes_to_client))
		return -EIO;
	if (!row->n_sources || first < f->first_seen)
		f->first_seen = first;
	if (last > f->last_seen)
		f->last_seen = last;
	return add_source(g, row, (uint32_t)source);
}

static int add_row(struct reading *g, sqlite3_stmt *st)
{
	int64_t id = sqlite3_column_int64(st, SCHEMA_COLUMNS);

	if (!g->n || id != g->last) {
		int r = g->n == g->room ? -EIO : schema_read(st, &g->v[g->n].who);
		if (r)
			return r;
		g->n++;
		g->last = id;
		g->sources = NULL;
		g->sources_room = 0;
	}
	return add_figures(g, st, &g->v[g->n - 1]);
}

static int by_conversation(const void *a, const void *b)
{
	const struct bh_row *x = a, *y = b;

	return bh_conversation_compare(&x->who, &y->who);
}

static int bind_addr(sqlite3_stmt *st, const char *name, const struct bh_addr *addr)
{
	char text[BH_ADDR_TEXT];

	if (!addr->family)
		return 0;
	return store_errno(sqlite3_bind_text(st, sqlite3_bind_parameter_index(st, name),
		bh_addr_format(addr, text), -1, SQLITE_TRANSIENT));
}

static int prepare_rows(
	struct bh_store *s, const struct bh_store_filter *filter, sqlite3_stmt **ret)
{
	static const struct bh_store_filter everything;
	BH_AUTO_BUF sql = { 0 };
	const struct bh_store_filter *f = filter ? filter : &everything;

	bh_buf_str(&sql, "SELECT ");
	schema_column_list(&sql);
	bh_buf_str(&sql, ", c.id, f.source, f.connections, f.bytes_to_server, f.bytes_to_client, "
			 "f.first_seen, f.last_seen FROM conversation c JOIN figures f "
			 "ON f.conversation = c.id WHERE 1");
	if (f->client.family)
		bh_buf_str(&sql, " AND c.client = :client");
	if (f->server.family)
		bh_buf_str(&sql, " AND c.server = :server");
	if (f->since)
		bh_buf_str(&sql, " AND f.last_seen >= :since");
	bh_buf_str(&sql, " ORDER BY c.id, f.source");
	if (!bh_buf_ok(&sql))
		return -ENOMEM;
	int r = store_prepare(s, bh_buf_text(&sql), ret);
	if (!r)
		r = bind_addr(*ret, ":client", &f->client);
	if (!r)
		r = bind_addr(*ret, ":server", &f->server);
	if (!r && f->since)
		r = store_errno(sqlite3_bind_int64(
			*ret, sqlite3_bind_parameter_index(*ret, ":since"), f->since));
	return r;
}

/* How many conversations there are: what a filter leaves is not more. */
static int count(struct bh_store *s, size_t *ret)
{
	STORE_AUTO_STMT *st = NULL;
	int r = store_prepare(s, "SELECT count(*) FROM conversation", &st);

	if (r)
		return r;
	int code = sqlite3_step(st);
	if (code != SQLITE_ROW)
		return store_errno(code);
	*ret = (size_t)sqlite3_column_int64(st, 0);
	return 0;
}

static int read_rows(struct bh_store *s, const struct bh_store_filter *filter, struct reading *g)
{
	STORE_AUTO_STMT *st = NULL;
	int code = SQLITE_DONE;
	int r = count(s, &g->room);

	if (r)
		return r;
	/* A row is large; memory that no row comes to fill stays untouched. */
	g->v = bh_arena_array(g->a, g->room + 1, sizeof *g->v);
	if (!g->v)
		return -ENOMEM;
	r = prepare_rows(s, filter, &st);
	while (!r && (code = sqlite3_step(st)) == SQLITE_ROW)
		r = add_row(g, st);
	return !r && code != SQLITE_DONE ? store_errno(code) : r;
}

int bh_store_rows(struct bh_store *s, const struct bh_store_filter *filter, struct bh_arena *a,
	const struct bh_row **ret, size_t *n_ret)
{
	struct reading g = { .a = a };
	/* One snapshot for both questions. */
	int r = s->in_batch ? 0 : store_exec(s, "BEGIN");

	if (r)
		return r;
	r = read_rows(s, filter, &g);
	if (!s->in_batch)
		sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL);
	if (r)
		return r;
	qsort(g.v, g.n, sizeof *g.v, by_conversation);
	*ret = g.v;
	*n_ret = g.n;
	return 0;
}

static void read_source(sqlite3_stmt *st, struct bh_arena *a, struct bh_source_row *row)
{
	uint64_t *const tally[] = { &row->tally.packets, &row->tally.bytes, &row->tally.messages,
		&row->tally.kernel_drops, &row->tally.truncated_packets, &row->tally.fragments,
		&row->tally.gaps, &row->tally.gap_bytes, &row->tally.malformed, &row->tally.evicted,
		&row->tally.unknown_frames, &row->tally.flows, &row->tally.log_events,
		&row->tally.log_lost };
	const char *identity = (const char *)sqlite3_column_text(st, 1);
	const char *label = (const char *)sqlite3_column_text(st, 2);

	row->id = (uint32_t)sqlite3_column_int64(st, 0);
	row->identity = bh_arena_str(a, identity ? identity : "");
	row->label = bh_arena_str(a, label ? label : "");
	for (size_t i = 0; i < BH_LEN(tally); i++)
		*tally[i] = (uint64_t)sqlite3_column_int64(st, (int)i + 3);
	row->first_seen = sqlite3_column_int64(st, 17);
	row->last_seen = sqlite3_column_int64(st, 18);
}

int bh_store_sources(
	struct bh_store *s, struct bh_arena *a, const struct bh_source_row **ret, size_t *n_ret)
{
	STORE_AUTO_STMT *st = NULL;
	struct bh_source_row *v = NULL;
	size_t n = 0, room = 0;
	int r = store_prepare(s,
		"SELECT id, identity, label, packets, bytes, messages, kernel_drops, "
		"truncated_packets, fragments, gaps, gap_bytes, malformed, evicted, unknown_frames, "
		"flows, log_events, log_lost, (SELECT min(first_seen) FROM figures WHERE source = source.id), "
		"(SELECT max(last_seen) FROM figures WHERE source = source.id) "
		"FROM source ORDER BY id",
		&st);
	int code = SQLITE_DONE;

	while (!r && (code = sqlite3_step(st)) == SQLITE_ROW) {
		if (n == room) {
			size_t more_room = room ? room * 2 : 16;
			struct bh_source_row *w = bh_arena_array(a, more_room, sizeof *w);
			if (!w)
				return -ENOMEM;
			if (n)
				memcpy(w, v, n * sizeof *w);
			v = w;
			room = more_room;
		}
		read_source(st, a, &v[n++]);
	}
	if (!r && code != SQLITE_DONE)
		r = store_errno(code);
	if (!r && !bh_arena_ok(a))
		r = -ENOMEM;
	if (r)
		return r;
	*ret = v;
	*n_ret = n;
	return 0;
}
