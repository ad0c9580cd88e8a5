/*
 * From what tells most to what tells least: shares before sessions before ends, captures
 * before logs.  The cells of one level and kind are put together beside the groups that
 * the steps before have made.  Everything is sorted first, so that the answer does not
 * depend on the order of rows.
 */
#include "inventory/unify.h"

#include <stdlib.h>

enum {
	/* Comparisons for each cell, on average; then the rest stays apart. */
	MAX_WORK = 64,
};

/* ---- cells ---- */

static uint8_t kind_of(const struct bh_witnesses *w, uint32_t source)
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

/* The one address of a name; of the other end's family, where that has one. */
static bool address_of(const struct unify *u, const char *name, uint8_t family, struct bh_addr *ret)
{
	struct bh_addr one;

	if (!name[0])
		return false;
	if (!bh_addr_parse(name, strlen(name), ret))
		return true;
	if (naming_addrs(&u->names, name, family, &one, 1) != 1)
		return false;
	*ret = one;
	return true;
}

/* The conversation, with addresses for its names. */
static const struct bh_talk *resolved(struct unify *u, const struct bh_row *row)
{
	const struct bh_talk *c = &row->who;
	struct bh_addr server = c->server, client = c->client;
	bool found = false;

	if (!server.family && c->known & BH_KNOWN_SERVER_NAME)
		found |= address_of(u, c->server_name, client.family, &server) ||
			 by_use_find(&u->uses, row, &server);
	if (!client.family && c->known & BH_KNOWN_WORKSTATION)
		found |= address_of(u, c->workstation, server.family, &client);
	if (!found)
		return c;
	struct bh_talk *own = bh_arena_copy(u->a, c, sizeof *c);
	if (own) {
		own->server = server;
		own->client = client;
		if (server.family && !naming_is_name(own->server_name))
			agree_forget(own, FIELD_SERVER_NAME);
	}
	return own;
}

static int add_told(struct unify *u, struct cell *c, uint32_t source)
{
	struct told *t = bh_arena_alloc(u->a, sizeof *t);

	if (!t)
		return -ENOMEM;
	*t = (struct told){ c->told, source };
	c->told = t;
	return 0;
}

/* One row's cells: one for each kind of its sources. */
static int add_row(struct unify *u, const struct bh_row *row, const struct bh_witnesses *w)
{
	const struct bh_talk *who = resolved(u, row);
	struct cell *of[BH_KINDS] = { NULL };
	uint8_t first = BH_KINDS;
	int r = who ? 0 : -ENOMEM;

	for (size_t i = 0; i < row->n_sources; i++) {
		uint8_t kind = kind_of(w, row->sources[i]);
		first = kind < first ? kind : first;
	}
	for (size_t i = 0; !r && i < bh_max_size(row->n_sources, 1); i++) {
		uint8_t kind = !row->n_sources ? BH_KIND_OTHER
			       : row->each     ? kind_of(w, row->sources[i])
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

static int by_kind(const void *a, const void *b)
{
	const struct cell *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return bh_talk_compare(x->who, y->who);
}

/* What several sources of one kind tell alike is summed. */
static int merge_cells(struct unify *u)
{
	size_t n = 0;

	qsort(u->cells, u->n_cells, sizeof *u->cells, by_kind);
	for (size_t i = 0; i < u->n_cells; i++) {
		struct cell *last = n ? &u->cells[n - 1] : NULL;
		if (!last || by_kind(last, &u->cells[i])) {
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

static int by_level(const struct cell *x, const struct cell *y)
{
	if (x->level != y->level)
		return x->level > y->level ? -1 : 1;
	return x->kind < y->kind ? -1 : x->kind > y->kind;
}

static int by_step(const void *a, const void *b)
{
	const struct cell *x = a, *y = b;
	int r = by_level(x, y);

	return r ? r : bh_talk_compare(x->who, y->who);
}

static int make_cells(
	struct unify *u, const struct bh_row *rows, size_t n, const struct bh_witnesses *w)
{
	size_t room = 0;

	for (size_t i = 0; i < n; i++)
		room += rows[i].each ? bh_min_size(bh_max_size(rows[i].n_sources, 1), BH_KINDS) : 1;
	u->cells = bh_arena_array(u->a, room + 1, sizeof *u->cells);
	if (!u->cells)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		int r = add_row(u, &rows[i], w);
		if (r)
			return r;
	}
	int r = merge_cells(u);
	if (r)
		return r;
	qsort(u->cells, u->n_cells, sizeof *u->cells, by_step);
	u->groups = bh_arena_array(u->a, u->n_cells + 1, sizeof *u->groups);
	u->budget = u->n_cells * MAX_WORK + (1u << 20);
	return u->groups ? 0 : -ENOMEM;
}

/* ---- rows out ---- */

static int by_who(const void *a, const void *b)
{
	const struct group *x = *(struct group *const *)a, *y = *(struct group *const *)b;

	return bh_talk_compare(x->who, y->who);
}

static int by_id(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int write_row(struct unify *u, struct group *const *v, size_t n, struct bh_row *ret)
{
	size_t told = 0, kept = 0;

	for (size_t i = 0; i < n; i++) {
		for (const struct told *t = v[i]->told; t; t = t->next)
			told++;
	}
	uint32_t *sources = bh_arena_array(u->a, told + 1, sizeof *sources);
	if (!sources)
		return -ENOMEM;
	*ret = (struct bh_row){ .who = *v[0]->who, .sources = sources };
	told = 0;
	for (size_t i = 0; i < n; i++) {
		bh_figures_widen(&ret->figures, &v[i]->figures);
		for (const struct told *t = v[i]->told; t; t = t->next)
			sources[told++] = t->source;
	}
	qsort(sources, told, sizeof *sources, by_id);
	for (size_t i = 0; i < told; i++) {
		if (!kept || sources[kept - 1] != sources[i])
			sources[kept++] = sources[i];
	}
	ret->n_sources = kept;
	return 0;
}

static int write_rows(struct unify *u, const struct bh_row **ret, size_t *n_ret)
{
	struct group **v = bh_arena_array(u->a, u->n_groups + 1, sizeof *v);
	size_t n = 0, count = 0;

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < u->n_groups; i++) {
		if (!u->groups[i].dead)
			v[n++] = &u->groups[i];
	}
	qsort(v, n, sizeof(struct group *), by_who);
	struct bh_row *rows = bh_arena_array(u->a, n + 1, sizeof *rows);
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0, after; i < n; i = after) {
		/* Told apart once, and alike since. */
		for (after = i + 1; after < n && !by_who(&v[i], &v[after]);)
			after++;
		int r = write_row(u, v + i, after - i, &rows[count++]);
		if (r)
			return r;
	}
	*ret = rows;
	*n_ret = count;
	return 0;
}

/* One kind, and one that tells things whole: captures alone, mostly.  A million rows are
 * gigabytes; they are not copied then. */
static bool nothing_to_join(const struct bh_row *rows, size_t n, const struct bh_witnesses *w)
{
	uint8_t kind = n && rows[0].n_sources ? kind_of(w, rows[0].sources[0]) : BH_KIND_OTHER;

	if (join_tells_parts(kind))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!rows[i].who.client.family || !rows[i].who.server.family)
			return false;
		for (size_t k = 0; k < rows[i].n_sources; k++) {
			if (kind_of(w, rows[i].sources[k]) != kind)
				return false;
		}
		if (i && bh_talk_compare(&rows[i - 1].who, &rows[i].who) >= 0)
			return false;
	}
	return true;
}

static int join_all(struct steps *s, const struct bh_row **ret, size_t *n_ret)
{
	struct unify *u = &s->u;
	int r = index_new(u, u->n_cells);

	s->spreads = bh_arena_array(u->a, u->n_cells + 1, sizeof *s->spreads);
	if (!s->spreads)
		return -ENOMEM;
	for (uint32_t i = 0, after; !r && i < u->n_cells; i = after) {
		for (after = i + 1; after < u->n_cells; after++) {
			if (by_level(&u->cells[i], &u->cells[after]))
				break;
		}
		r = step_take(s, i, after);
	}
	return r ? r : write_rows(u, ret, n_ret);
}

int bh_inventory_unify(const struct bh_row *rows, size_t n, const struct bh_witnesses *w,
	struct bh_arena *a, const struct bh_row **ret, size_t *n_ret)
{
	struct steps s = { .u = { .a = a, .seed = w->seed } };

	if (nothing_to_join(rows, n, w)) {
		*ret = rows;
		*n_ret = n;
		return 0;
	}
	int r = naming_from(rows, n, w->names, w->n_names, a, &s.u.names);
	if (!r)
		r = by_use_from(rows, n, &s.u.names, a, &s.u.uses);
	if (!r)
		r = make_cells(&s.u, rows, n, w);
	if (!r)
		r = join_all(&s, ret, n_ret);
	free(s.fits);
	return r;
}
