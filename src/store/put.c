/* Rows on their way into the database: gathered, sorted, and written together. */
#include "store/open.h"

#include <stdlib.h>

#define PENDING 262144u /* rows in memory: 19 MB, when a batch is that large */
#define BULK    65536u /* from so many on it may be cheaper to make the indexes anew */
#define ORPHANS 4096u

int store_run(struct bh_store *s, sqlite3_stmt *st)
{
	int code = sqlite3_step(st);
	int r = code == SQLITE_DONE ? 0 : store_errno(s->db, code);

	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return r;
}

int store_run_numbers(struct bh_store *s, enum statement which, const int64_t *v, int n)
{
	sqlite3_stmt *st;
	int r = store_wanted(s, which, &st);

	for (int i = 0; !r && i < n; i++)
		r = store_errno(s->db, sqlite3_bind_int64(st, i + 1, v[i]));
	return r ? r : store_run(s, st);
}

/* ---- when a source spoke ---- */

static int flush_span(struct bh_store *s)
{
	const int64_t v[] = { s->span_source, s->span_first, s->span_last };

	if (!s->span_source)
		return 0;
	s->span_source = 0;
	return store_run_numbers(s, ST_SPAN, v, BH_LEN(v));
}

static int note_span(struct bh_store *s, uint32_t source, const struct bh_figures *f)
{
	int r = s->span_source != source ? flush_span(s) : 0;

	if (s->span_source != source)
		s->span_first = s->span_last = 0;
	s->span_source = source;
	if (f->first_seen && (!s->span_first || f->first_seen < s->span_first))
		s->span_first = f->first_seen;
	if (f->last_seen > s->span_last)
		s->span_last = f->last_seen;
	return r;
}

/* ---- gathered rows ---- */

/* What is sorted: the key of a row and where it stands. */
struct place_of {
	uint32_t part[PARTS], source, at;
};

static int by_key(const void *a, const void *b)
{
	const struct place_of *x = a, *y = b;

	for (int i = 0; i < PARTS; i++) {
		if (x->part[i] != y->part[i])
			return x->part[i] < y->part[i] ? -1 : 1;
	}
	if (x->source != y->source)
		return x->source < y->source ? -1 : 1;
	return x->at < y->at ? -1 : 1; /* told later counts */
}

static bool same_key(const struct place_of *a, const struct place_of *b)
{
	return a->source == b->source && !memcmp(a->part, b->part, sizeof a->part);
}

/* Which parts may have lost their last row is looked at when the batch ends: the same
 * are often wanted again before. */
static void note_orphan(struct bh_store *s, const struct pending *p)
{
	if (!s->orphans)
		s->orphans = calloc(ORPHANS, sizeof *s->orphans);
	if (!s->orphans || s->n_orphans == ORPHANS) {
		s->sweep = true;
		return;
	}
	s->orphans[s->n_orphans][PART_PLACE] = p->part[PART_PLACE];
	s->orphans[s->n_orphans++][PART_CALLER] = p->part[PART_CALLER];
}

/* A sum of many facts, each within its bounds, may be beyond those that reading allows. */
static int64_t bounded(uint64_t v)
{
	return v < FIGURE_MOST ? (int64_t)v : (int64_t)FIGURE_MOST - 1;
}

static int write_one(struct bh_store *s, const struct pending *p)
{
	const struct bh_figures *f = &p->figures;
	const int64_t v[] = { p->part[PART_PLACE], p->part[PART_CALLER], p->part[PART_MANNER],
		p->source, bounded(f->connections), bounded(f->bytes_to_server),
		bounded(f->bytes_to_client), f->first_seen, f->last_seen, bounded(f->opens),
		f->pipes };

	if (!bh_figures_empty(f))
		return store_run_numbers(s, ST_PUT, v, BH_LEN(v));
	note_orphan(s, p);
	return store_run_numbers(s, ST_TAKE, v, PARTS + 1);
}

/* A batch that is most of the table: indexes made at its end are cheaper than kept up
 * to date row by row, and denser. */
static int drop_indexes(struct bh_store *s, uint32_t coming)
{
	char sql[96];
	int64_t rows;

	if (s->indexless || coming < BULK)
		return 0;
	snprintf(sql, sizeof sql, "SELECT count(*) FROM (SELECT 1 FROM conversation LIMIT %u)",
		2 * coming + 1);
	int r = store_number(s, sql, &rows);
	if (r || rows > 2 * (int64_t)coming)
		return r;
	s->indexless = true;
	return store_exec(s, schema_no_indexes);
}

/* In the order of the key, so that a page is touched once for all its rows. */
static int write_pending(struct bh_store *s, uint32_t n)
{
	struct place_of *v = malloc(n * sizeof *v);
	int r = v ? 0 : -ENOMEM;

	for (uint32_t i = 0; !r && i < n; i++) {
		const struct pending *p = &s->pending[i];
		v[i] = (struct place_of){ .source = p->source, .at = i };
		memcpy(v[i].part, p->part, sizeof v[i].part);
	}
	if (!r)
		qsort(v, n, sizeof *v, by_key);
	for (uint32_t i = 0; !r && i < n; i++) {
		if (i + 1 == n || !same_key(&v[i], &v[i + 1]))
			r = write_one(s, &s->pending[v[i].at]);
	}
	free(v);
	return r;
}

static int flush(struct bh_store *s)
{
	int r = flush_span(s);
	uint32_t n = s->n_pending;

	s->n_pending = 0;
	if (!r && n)
		r = drop_indexes(s, n);
	return r || !n ? r : write_pending(s, n);
}

int put_flush(struct bh_store *s)
{
	int r = flush(s);

	if (!r && s->indexless)
		r = store_exec(s, schema_indexes);
	if (!r)
		s->indexless = false;
	return r;
}

void put_forget(struct bh_store *s)
{
	s->n_pending = s->n_orphans = 0;
	s->span_source = 0;
	s->sweep = s->indexless = false;
}

static int more_room(struct bh_store *s)
{
	uint32_t room = s->pending_room ? s->pending_room * 4 : 1024;
	struct pending *v = reallocarray(s->pending, room, sizeof *v);

	if (!v)
		return -ENOMEM;
	s->pending = v;
	s->pending_room = room;
	return 0;
}

static int put_one(struct bh_store *s, uint32_t source, const struct bh_row *row)
{
	bool gone = bh_figures_empty(&row->figures);
	struct bh_talk who = row->who;
	struct bh_conversation hidden;
	int r = 0;

	if (s->n_pending == PENDING)
		r = flush(s);
	else if (s->n_pending == s->pending_room)
		r = more_room(s);
	if (r)
		return r;
	if (s->hide) {
		bh_talk_whole(&who, &hidden);
		bh_pseudonyms_hide(s->hide, &hidden);
		who = bh_talk_of(&hidden);
	}
	struct pending *p = &s->pending[s->n_pending];
	for (int i = 0; !r && i < PARTS; i++)
		r = part_id(s, (enum part)i, &who, !gone, &p->part[i]);
	if (r)
		return gone && r == -ENOENT ? 0 : r;
	p->source = source;
	p->figures = row->figures;
	s->n_pending++;
	return gone ? 0 : note_span(s, source, &row->figures);
}

int bh_store_put(struct bh_store *s, uint32_t source, const struct bh_row *rows, size_t n)
{
	int r = 0;

	assert(s->in_batch);
	for (size_t i = 0; !r && i < n; i++)
		r = put_one(s, source, &rows[i]);
	return r;
}

/* ---- what is left of nothing ---- */

static int take_orphans(struct bh_store *s, int64_t *taken)
{
	static const char *const sql[] = {
		"DELETE FROM place WHERE id = ?1 AND NOT EXISTS "
		"(SELECT 1 FROM conversation WHERE place = ?1)",
		"DELETE FROM caller WHERE id = ?1 AND NOT EXISTS "
		"(SELECT 1 FROM conversation WHERE caller = ?1)",
	};
	int r = 0;

	for (int which = 0; !r && which < 2; which++) {
		STORE_AUTO_STMT *st = NULL;
		r = store_prepare(s, sql[which], &st);
		for (uint32_t i = 0; !r && i < s->n_orphans; i++) {
			r = store_errno(s->db, sqlite3_bind_int64(st, 1, s->orphans[i][which]));
			if (!r)
				r = store_run(s, st);
			*taken += sqlite3_changes(s->db);
		}
	}
	return r;
}

static int take_all_orphans(struct bh_store *s, int64_t *taken)
{
	static const char *const sql[] = {
		"DELETE FROM place WHERE NOT EXISTS "
		"(SELECT 1 FROM conversation WHERE place = place.id)",
		"DELETE FROM caller WHERE NOT EXISTS "
		"(SELECT 1 FROM conversation WHERE caller = caller.id)",
		"DELETE FROM manner WHERE id NOT IN (SELECT manner FROM conversation)",
	};
	int r = 0;

	for (size_t i = 0; !r && i < BH_LEN(sql); i++) {
		r = store_exec(s, sql[i]);
		*taken += sqlite3_changes(s->db);
	}
	return r;
}

int put_sweep(struct bh_store *s)
{
	int64_t taken = 0;
	int r = 0;

	if (s->sweep)
		r = take_all_orphans(s, &taken);
	else if (s->n_orphans)
		r = take_orphans(s, &taken);
	s->n_orphans = 0;
	s->sweep = false;
	if (taken)
		parts_forget(s);
	return r;
}
