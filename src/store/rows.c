/* Conversations out of the database: one walk, in which those of several sources meet. */
#include "store/open.h"

#include <stdlib.h>

enum { AT_SOURCE = PARTS, AT_FIGURES };

struct walk {
	struct bh_store *s;
	struct part_reader parts;
	int64_t part[PARTS]; /* of row.who; 0: none yet */
	struct bh_row row;
	uint32_t *sources; /* of row, with room for more */
	struct bh_figures *each;
	size_t room;
	uint32_t *known; /* sources and their kinds, by id */
	uint8_t *kinds;
	size_t n_known;
	int (*fn)(void *ctx, const struct bh_row *row);
	void *ctx;
};

static void walk_free(struct walk *w)
{
	part_reader_free(&w->parts);
	free(w->sources);
	free(w->each);
	free(w->known);
	free(w->kinds);
}
#define WALK_AUTO __attribute__((cleanup(walk_free))) struct walk

/* ---- kinds of evidence ---- */

static int add_known(struct walk *w, sqlite3_stmt *st)
{
	size_t n = w->n_known;

	if (!(n & (n - 1))) { /* a power of two is full */
		size_t room = n ? n * 2 : 1;
		uint32_t *known = reallocarray(w->known, room, sizeof *known);
		if (!known)
			return -ENOMEM;
		w->known = known;
		uint8_t *kinds = reallocarray(w->kinds, room, sizeof *kinds);
		if (!kinds)
			return -ENOMEM;
		w->kinds = kinds;
	}
	const char *identity = (const char *)sqlite3_column_text(st, 1);
	w->known[n] = (uint32_t)sqlite3_column_int64(st, 0);
	w->kinds[n] = (uint8_t)bh_kind_of(identity ? identity : "");
	w->n_known++;
	return 0;
}

static int read_kinds(struct walk *w)
{
	STORE_AUTO_STMT *st = NULL;
	int code = SQLITE_DONE;
	int r = store_prepare(w->s, "SELECT id, identity FROM source ORDER BY id", &st);

	while (!r && (code = sqlite3_step(st)) == SQLITE_ROW)
		r = add_known(w, st);
	return !r && code != SQLITE_DONE ? store_errno(w->s->db, code) : r;
}

static uint8_t kind_of(const struct walk *w, uint32_t source)
{
	size_t lo = 0, hi = w->n_known;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (w->known[mid] < source)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < w->n_known && w->known[lo] == source ? w->kinds[lo] : BH_KIND_OTHER;
}

/* Sources of one kind saw different things; kinds of source saw the same. */
static struct bh_figures total(const struct walk *w)
{
	struct bh_figures by_kind[BH_KINDS] = { 0 }, all = { 0 };

	if (w->row.n_sources == 1)
		return w->each[0];
	for (size_t i = 0; i < w->row.n_sources; i++)
		bh_figures_add(&by_kind[kind_of(w, w->sources[i])], &w->each[i]);
	for (int i = 0; i < BH_KINDS; i++)
		bh_figures_widen(&all, &by_kind[i]);
	return all;
}

/* ---- the walk ---- */

static int emit(struct walk *w)
{
	if (!w->row.n_sources)
		return 0;
	w->row.figures = total(w);
	w->row.sources = w->sources;
	w->row.each = w->each;
	return w->fn(w->ctx, &w->row);
}

static bool figure(sqlite3_stmt *st, int at, uint64_t *ret)
{
	int64_t v = sqlite3_column_int64(st, at);

	*ret = (uint64_t)v;
	return v >= 0 && v < (int64_t)FIGURE_MOST;
}

static int read_figures(sqlite3_stmt *st, struct bh_figures *ret)
{
	int64_t pipes = sqlite3_column_int64(st, AT_FIGURES + 6);
	struct bh_figures f = { 0 };

	f.first_seen = sqlite3_column_int64(st, AT_FIGURES + 3);
	f.last_seen = sqlite3_column_int64(st, AT_FIGURES + 4);
	if (!figure(st, AT_FIGURES, &f.connections) ||
		!figure(st, AT_FIGURES + 1, &f.bytes_to_server) ||
		!figure(st, AT_FIGURES + 2, &f.bytes_to_client) ||
		!figure(st, AT_FIGURES + 5, &f.opens) || f.first_seen < 0 ||
		f.last_seen < f.first_seen || pipes < 0 || pipes > UINT32_MAX)
		return -EIO;
	f.pipes = (uint32_t)pipes;
	*ret = f;
	return 0;
}

static int add_source(struct walk *w, sqlite3_stmt *st)
{
	int64_t source = sqlite3_column_int64(st, AT_SOURCE);
	struct bh_figures f = { 0 };
	int r = source > 0 && source <= UINT32_MAX ? read_figures(st, &f) : -EIO;

	if (r)
		return r;
	if (w->row.n_sources == w->room) {
		size_t room = w->room ? w->room * 2 : 8;
		uint32_t *sources = reallocarray(w->sources, room, sizeof *sources);
		if (!sources)
			return -ENOMEM;
		w->sources = sources;
		struct bh_figures *each = reallocarray(w->each, room, sizeof *each);
		if (!each)
			return -ENOMEM;
		w->each = each;
		w->room = room;
	}
	w->sources[w->row.n_sources] = (uint32_t)source;
	w->each[w->row.n_sources++] = f;
	return 0;
}

/* Parts that changed since the last row.  Each was judged alone; both ends together are
 * what is left to judge. */
static int read_parts(struct walk *w, const int64_t part[PARTS])
{
	struct bh_talk *c = &w->row.who;
	int r = 0;

	for (int i = 0; !r && i < PARTS; i++) {
		if (part[i] != w->part[i])
			r = part_read(&w->parts, (enum part)i, part[i], c);
		w->part[i] = part[i];
	}
	if (!r && c->client.family && c->server.family && c->client.family != c->server.family)
		r = -EIO;
	return r;
}

static int step(struct walk *w, sqlite3_stmt *st)
{
	int64_t part[PARTS];

	for (int i = 0; i < PARTS; i++)
		part[i] = sqlite3_column_int64(st, i);
	if (!w->row.n_sources || memcmp(part, w->part, sizeof part)) {
		int r = emit(w);
		w->row.n_sources = 0;
		if (!r)
			r = read_parts(w, part);
		if (r)
			return r;
	}
	return add_source(w, st);
}

static int walk(struct walk *w, const struct bh_store_filter *filter)
{
	STORE_AUTO_STMT *st = NULL;
	int code = SQLITE_DONE;
	int r = read_kinds(w);

	if (!r)
		r = query_prepare(w->s, filter, false, &st);
	while (!r && (code = sqlite3_step(st)) == SQLITE_ROW)
		r = step(w, st);
	if (!r && code != SQLITE_DONE)
		r = store_errno(w->s->db, code);
	return r ? r : emit(w);
}

int bh_store_hold(struct bh_store *s)
{
	int r = s->in_batch || s->held ? 0 : store_exec(s, "BEGIN");

	s->held = !r && !s->in_batch;
	return r;
}

/* One snapshot for all questions. */
static int snapshot(struct bh_store *s)
{
	if (s->held)
		return 0;
	return s->in_batch ? put_flush(s) : store_exec(s, "BEGIN");
}

static void snapshot_end(struct bh_store *s)
{
	if (!s->held && !s->in_batch)
		sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL);
}

static int walk_through(struct bh_store *s, const struct bh_store_filter *filter,
	struct bh_arena *texts, int (*fn)(void *ctx, const struct bh_row *row), void *ctx)
{
	WALK_AUTO w = { .s = s, .parts = { .s = s, .keep = texts }, .fn = fn, .ctx = ctx };

	bh_talk_init(&w.row.who);
	return walk(&w, filter);
}

int bh_store_each(struct bh_store *s, const struct bh_store_filter *filter,
	int (*fn)(void *ctx, const struct bh_row *row), void *ctx)
{
	int r = snapshot(s);

	if (r)
		return r;
	r = walk_through(s, filter, NULL, fn, ctx);
	snapshot_end(s);
	return r;
}

/* ---- all at once ---- */

enum { LATELY = 8 };

struct rows {
	struct bh_arena *a;
	struct bh_row *v;
	size_t n, room;
	const uint32_t *lately[LATELY]; /* sources of single rows */
	size_t n_lately;
};

/* Most rows are told by one source: its id stands once for all of them. */
static const uint32_t *keep_sources(struct rows *g, const struct bh_row *row)
{
	if (row->n_sources > 1)
		return bh_arena_copy(g->a, row->sources, row->n_sources * sizeof *row->sources);
	for (size_t i = 0; i < LATELY; i++) {
		if (g->lately[i] && *g->lately[i] == *row->sources)
			return g->lately[i];
	}
	const uint32_t *one = bh_arena_copy(g->a, row->sources, sizeof *row->sources);
	g->lately[g->n_lately++ % LATELY] = one;
	return one;
}

static int keep(void *ctx, const struct bh_row *row)
{
	struct rows *g = ctx;
	struct bh_row *to = &g->v[g->n];

	if (g->n == g->room)
		return -EIO;
	*to = *row;
	to->sources = keep_sources(g, row);
	to->each = NULL;
	if (row->n_sources > 1)
		to->each = bh_arena_copy(g->a, row->each, row->n_sources * sizeof *row->each);
	g->n++;
	return bh_arena_ok(g->a) ? 0 : -ENOMEM;
}

static int by_conversation(const void *a, const void *b)
{
	const struct bh_row *x = a, *y = b;

	return bh_talk_compare(&x->who, &y->who);
}

static int count(struct bh_store *s, const struct bh_store_filter *filter, size_t *ret)
{
	STORE_AUTO_STMT *st = NULL;
	int r = query_prepare(s, filter, true, &st);

	if (r)
		return r;
	int code = sqlite3_step(st);
	if (code != SQLITE_ROW)
		return store_errno(s->db, code);
	*ret = (size_t)sqlite3_column_int64(st, 0);
	return 0;
}

int bh_store_rows(struct bh_store *s, const struct bh_store_filter *filter, struct bh_arena *a,
	const struct bh_row **ret, size_t *n_ret)
{
	struct rows g = { .a = a };
	int r = snapshot(s);

	if (r)
		return r;
	r = count(s, filter, &g.room);
	/* A row is large; memory that no row comes to fill stays untouched. */
	if (!r && !(g.v = bh_arena_array(a, g.room + 1, sizeof *g.v)))
		r = -ENOMEM;
	if (!r)
		r = walk_through(s, filter, a, keep, &g);
	snapshot_end(s);
	if (r)
		return r;
	qsort(g.v, g.n, sizeof *g.v, by_conversation);
	*ret = g.v;
	*n_ret = g.n;
	return 0;
}
