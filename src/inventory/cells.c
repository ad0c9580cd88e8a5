/*
 * One pair's cells: one for each kind of the sources of each row; what several sources of
 * one kind tell alike is summed.
 */
#include <stdlib.h>

#include "inventory/unify.h"

uint8_t cells_kind(const struct bh_witnesses *w, uint32_t source)
{
	return source < w->n_kinds && w->kinds[source] < BH_KINDS ? w->kinds[source]
								  : BH_KIND_OTHER;
}

static uint8_t level_of(uint32_t known)
{
	if (known >> FIELD_SHARE & 1)
		return LEVEL_SHARE;
	return known & (1u << FIELD_USER | 1u << FIELD_AUTH | 1u << FIELD_AUTH_STATUS)
		       ? LEVEL_SESSION
		       : LEVEL_ENDS;
}

static int add_told(struct unify *u, struct cell *c, uint32_t source)
{
	struct told *t = bh_arena_alloc(&u->scratch, sizeof *t);

	if (!t)
		return -ENOMEM;
	*t = (struct told){ c->told, source };
	c->told = t;
	return 0;
}

static int add_row(struct unify *u, const struct bh_row *row)
{
	const struct bh_talk *who = pairs_resolved(u, row);
	struct cell *of[BH_KINDS] = { NULL };
	uint8_t first = BH_KINDS;
	int r = who ? 0 : -ENOMEM;

	for (size_t i = 0; i < row->n_sources; i++) {
		uint8_t kind = cells_kind(u->w, row->sources[i]);
		first = kind < first ? kind : first;
	}
	for (size_t i = 0; !r && i < bh_max_size(row->n_sources, 1); i++) {
		uint8_t kind = !row->n_sources ? BH_KIND_OTHER
			       : row->each     ? cells_kind(u->w, row->sources[i])
					       : first;
		if (!of[kind]) {
			uint32_t known = agree_known(who);
			of[kind] = &u->cells[u->n_cells++];
			*of[kind] = (struct cell){
				.who = who, .known = known, .kind = kind, .level = level_of(known)
			};
		}
		if (row->each)
			bh_figures_add(&of[kind]->figures, &row->each[i]);
		else if (i == 0)
			of[kind]->figures = row->figures;
		if (row->n_sources)
			r = add_told(u, of[kind], row->sources[i]);
	}
	return r;
}

/* From what tells most to what tells least: shares before sessions before ends, captures
 * before logs; within a step in one order, whatever the order of rows. */
static int by_step(const void *a, const void *b)
{
	const struct cell *x = a, *y = b;

	if (x->level != y->level)
		return x->level > y->level ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return bh_talk_compare(x->who, y->who);
}

bool cells_alike(const struct cell *x, const struct cell *y)
{
	return x->level == y->level && x->kind == y->kind;
}

static int merge(struct unify *u)
{
	size_t n = 0;

	for (size_t i = 0; i < u->n_cells; i++) {
		struct cell *last = n ? &u->cells[n - 1] : NULL;
		if (!last || by_step(last, &u->cells[i])) {
			u->cells[n++] = u->cells[i];
			continue;
		}
		bh_figures_add(&last->figures, &u->cells[i].figures);
		for (const struct told *t = u->cells[i].told; t; t = t->next) {
			int r = add_told(u, last, t->source);
			if (r)
				return r;
		}
	}
	u->n_cells = n;
	return 0;
}

static bool same_addr(const struct bh_addr *x, const struct bh_addr *y)
{
	return x->family && bh_addr_equal(x, y);
}

static void look_at_ends(struct unify *u)
{
	u->one_client = u->one_server = true;
	for (size_t i = 0; i < u->n_cells; i++) {
		const struct bh_talk *first = u->cells[0].who, *who = u->cells[i].who;
		u->one_client &= same_addr(&first->client, &who->client);
		u->one_server &= same_addr(&first->server, &who->server);
	}
}

int cells_of(struct unify *u, const struct pair_row *v, size_t n)
{
	size_t room = 0;

	for (size_t i = 0; i < n; i++) {
		const struct bh_row *row = &u->rows[v[i].row];
		room += row->each ? bh_min_size(bh_max_size(row->n_sources, 1), BH_KINDS) : 1;
	}
	u->n_cells = 0;
	u->cells = bh_arena_array(&u->scratch, room + 1, sizeof *u->cells);
	if (!u->cells)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		int r = add_row(u, &u->rows[v[i].row]);
		if (r)
			return r;
	}
	qsort(u->cells, u->n_cells, sizeof *u->cells, by_step);
	look_at_ends(u);
	return merge(u);
}
