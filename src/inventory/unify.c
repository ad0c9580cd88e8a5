/*
 * Pair by pair: what each kind of evidence tells of two machines is put together in steps,
 * from what tells most to what tells least, each beside what the steps before have made.
 * Everything is sorted first, so that the answer does not depend on the order of rows.
 */
#include "inventory/unify.h"

#include <stdlib.h>

enum {
	/* Comparisons for each cell of a pair, on average, and beyond them for all that need
	 * more; then the rest of the pair stays apart. */
	MAX_WORK = 64,
	SLACK = 1 << 20,
	/* Work of several pairs is kept until it is so much. */
	SCRATCH = 1 << 20,
};

/* ---- rows out ---- */

static int by_id(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Ascending, each once; returns how many. */
static size_t put_in_order(uint32_t *v, size_t n)
{
	size_t kept = 0;

	qsort(v, n, sizeof *v, by_id);
	for (size_t i = 0; i < n; i++) {
		if (!kept || v[kept - 1] != v[i])
			v[kept++] = v[i];
	}
	return kept;
}

/* Most rows are told by the same sources as the one before: they stand once. */
static int keep_sources(struct unify *u, const uint32_t *v, size_t n, struct bh_row *row)
{
	if (!u->sources || u->n_sources != n || memcmp(u->sources, v, n * sizeof *v)) {
		u->sources = bh_arena_copy(u->a, v, n * sizeof *v);
		u->n_sources = n;
	}
	row->sources = u->sources;
	row->n_sources = n;
	return u->sources ? 0 : -ENOMEM;
}

static size_t count_told(const struct told *t)
{
	size_t n = 0;

	for (; t; t = t->next)
		n++;
	return n;
}

static struct bh_row *next_row(struct unify *u)
{
	return &u->out[u->n_out++];
}

/* v[0..n): told apart once, and alike since. */
static int write_groups(struct unify *u, struct group *const *v, size_t n)
{
	struct bh_row *row = next_row(u);
	size_t told = 0, k = 0;

	*row = (struct bh_row){ .who = *v[0]->who };
	for (size_t i = 0; i < n; i++)
		told += count_told(v[i]->told);
	uint32_t *sources = bh_arena_array(&u->scratch, told + 1, sizeof *sources);
	if (!sources)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		bh_figures_widen(&row->figures, &v[i]->figures);
		for (const struct told *t = v[i]->told; t; t = t->next)
			sources[k++] = t->source;
	}
	return keep_sources(u, sources, put_in_order(sources, told), row);
}

static int by_who(const void *a, const void *b)
{
	const struct group *x = *(struct group *const *)a, *y = *(struct group *const *)b;

	return bh_talk_compare(x->who, y->who);
}

static int write_pair(struct unify *u)
{
	struct group **v = bh_arena_array(&u->scratch, u->n_groups + 1, sizeof *v);
	size_t n = 0;
	int r = v ? 0 : -ENOMEM;

	for (size_t i = 0; !r && i < u->n_groups; i++) {
		if (!u->groups[i].dead)
			v[n++] = &u->groups[i];
	}
	if (n)
		qsort(v, n, sizeof(struct group *), by_who);
	for (size_t i = 0, after; !r && i < n; i = after) {
		for (after = i + 1; after < n && !by_who(&v[i], &v[after]);)
			after++;
		r = write_groups(u, v + i, after - i);
	}
	return r;
}

/* The cells as they are. */
static int write_cells(struct unify *u)
{
	for (size_t i = 0; i < u->n_cells; i++) {
		struct group one = { .who = u->cells[i].who,
			.figures = u->cells[i].figures,
			.told = u->cells[i].told };
		struct group *const v = &one;
		int r = write_groups(u, &v, 1);
		if (r)
			return r;
	}
	return 0;
}

/* ---- pairs ---- */

/* Nothing tells parts of another, or all stand on one level. */
static bool one_witness(const struct unify *u)
{
	const struct cell *first = &u->cells[0], *last = &u->cells[u->n_cells - 1];

	if (cells_alike(first, last))
		return true; /* they are sorted */
	for (size_t i = 1; i < u->n_cells; i++) {
		if (u->cells[i].kind != first->kind)
			return false;
	}
	return !join_tells_parts(first->kind);
}

static int take_steps(struct steps *s)
{
	struct unify *u = &s->u;
	uint64_t own = u->n_cells * MAX_WORK;
	int r = index_new(u);

	s->spreads = bh_arena_array(&u->scratch, u->n_cells + 1, sizeof *s->spreads);
	u->groups = bh_arena_array(&u->scratch, u->n_cells + 1, sizeof *u->groups);
	if (r || !s->spreads || !u->groups)
		return -ENOMEM;
	u->n_groups = 0;
	u->step = u->questions = 0;
	u->budget = own + u->slack;
	for (uint32_t i = 0, after; !r && i < u->n_cells; i = after) {
		for (after = i + 1; after < u->n_cells; after++) {
			if (!cells_alike(&u->cells[i], &u->cells[after]))
				break;
		}
		r = step_take(s, i, after);
	}
	u->slack = bh_min_size(u->slack, u->budget);
	return r ? r : write_pair(u);
}

static int take_pair(struct steps *s, const struct pair_row *v, size_t n)
{
	struct unify *u = &s->u;
	int r = cells_of(u, v, n);

	if (!r)
		r = one_witness(u) ? write_cells(u) : take_steps(s);
	if (u->scratch.total > SCRATCH)
		bh_arena_reset(&u->scratch);
	return r;
}

static int take_pairs(struct steps *s, const struct pair_row *v, size_t n)
{
	int r = 0;

	for (size_t i = 0, after; !r && i < n; i = after) {
		for (after = i + 1; after < n && v[i].pair == v[after].pair;)
			after++;
		r = take_pair(s, v + i, after - i);
	}
	return r;
}

/* ---- all of them ---- */

/* One kind, and one that tells things whole: captures alone, mostly.  They are not copied
 * then. */
static bool nothing_to_join(const struct bh_row *rows, size_t n, const struct bh_witnesses *w)
{
	uint8_t kind = n && rows[0].n_sources ? cells_kind(w, rows[0].sources[0]) : BH_KIND_OTHER;

	if (join_tells_parts(kind))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!rows[i].who.client.family || !rows[i].who.server.family)
			return false;
		for (size_t k = 0; k < rows[i].n_sources; k++) {
			if (cells_kind(w, rows[i].sources[k]) != kind)
				return false;
		}
		if (i && bh_talk_compare(&rows[i - 1].who, &rows[i].who) >= 0)
			return false;
	}
	return true;
}

static int by_talk(const void *a, const void *b)
{
	const struct bh_row *x = a, *y = b;

	return bh_talk_compare(&x->who, &y->who);
}

/* Pairs stand in order, nearly: machines that a name ties together, and other ports, do
 * not. */
static void sort_rows(struct bh_row *v, size_t n)
{
	size_t i = 1;

	while (i < n && by_talk(&v[i - 1], &v[i]) < 0)
		i++;
	if (i < n)
		qsort(v, n, sizeof *v, by_talk);
}

/* No more than there can be cells; memory that no row comes to fill stays untouched. */
static struct bh_row *room_for_rows(const struct bh_row *rows, size_t n, struct bh_arena *a)
{
	size_t room = 0;

	for (size_t i = 0; i < n; i++)
		room += rows[i].each ? bh_min_size(bh_max_size(rows[i].n_sources, 1), BH_KINDS) : 1;
	return bh_arena_array(a, room + 1, sizeof(struct bh_row));
}

static int unify(struct steps *s, size_t n)
{
	struct unify *u = &s->u;
	struct pair_row *pairs = NULL;
	int r = naming_from(u->rows, n, u->w->names, u->w->n_names, u->a, &u->names);

	if (!r)
		r = by_use_from(u->rows, n, &u->names, u->a, &u->uses);
	if (!r)
		r = pairs_of(u, n, &pairs);
	if (!r) {
		u->out = room_for_rows(u->rows, n, u->a);
		r = u->out ? take_pairs(s, pairs, n) : -ENOMEM;
	}
	free(pairs);
	if (!r)
		sort_rows(u->out, u->n_out);
	return r;
}

int bh_inventory_unify(const struct bh_row *rows, size_t n, const struct bh_witnesses *w,
	struct bh_arena *a, const struct bh_row **ret, size_t *n_ret)
{
	struct steps s = { .u = { .rows = rows, .w = w, .a = a, .slack = SLACK } };

	if (nothing_to_join(rows, n, w)) {
		*ret = rows;
		*n_ret = n;
		return 0;
	}
	int r = n <= UINT32_MAX ? unify(&s, n) : -ENOMEM;
	bh_arena_reset(&s.u.scratch);
	free(s.fits);
	if (r)
		return r;
	*ret = s.u.out;
	*n_ret = s.u.n_out;
	return 0;
}
