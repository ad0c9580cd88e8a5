/*
 * One step: cells beside the groups that the steps before have made.
 */
#include "inventory/unify.h"

#include <stdlib.h>

enum {
	/* Groups that one cell may fit; with more it stays apart. */
	MAX_FITS = 4096,
};

/* ---- finding what fits ---- */

static bool found(void *ctx, uint32_t group)
{
	struct steps *s = ctx;
	struct cell *c = &s->u.cells[s->asking];
	struct group *g = &s->u.groups[group];

	if (!s->u.budget || c->n_fits == MAX_FITS) {
		c->n_fits = 0;
		return false;
	}
	s->u.budget--;
	if (!join_fits(&s->u, c, g))
		return true;
	if (c->fits + c->n_fits == s->room) {
		size_t room = s->room ? s->room * 2 : 256;
		struct fit *v = reallocarray(s->fits, room, sizeof *v);
		if (!v) {
			s->failed = -ENOMEM;
			return false;
		}
		s->fits = v;
		s->room = room;
	}
	s->fits[c->fits + c->n_fits++] = (struct fit){ s->asking, group };
	return true;
}

static void ask(struct steps *s, uint32_t cell)
{
	struct cell *c = &s->u.cells[cell];

	c->fits = (uint32_t)s->n_fits;
	c->n_fits = 0;
	s->asking = cell;
	index_find(&s->u, c, found, s);
	s->n_fits += c->n_fits;
}

static struct group *fit(const struct steps *s, const struct cell *c, size_t i)
{
	return &s->u.groups[s->fits[c->fits + i].group];
}

/*
 * Does it know less than one that it fits?  Then it is a part of all.  One that knows a
 * user where they know none is no part: there may be others.
 */
static bool is_part(const struct steps *s, const struct cell *c)
{
	bool less = false;

	for (size_t i = 0; i < c->n_fits; i++) {
		const struct group *g = fit(s, c, i);
		if (c->known & ~g->known & 1u << FIELD_USER)
			return false;
		less |= g->level > c->level;
	}
	return less;
}

static void count_fits(struct steps *s, const struct cell *c)
{
	bool part = is_part(s, c);

	for (size_t i = 0; i < c->n_fits; i++) {
		struct group *g = fit(s, c, i);
		join_begin(&s->u, g);
		if (part)
			continue;
		g->fits++;
		g->mixed |= c->n_fits > 1;
		if (!g->first)
			g->first = c;
		/* What the group does not know they tell differently. */
		g->torn |= !agree_on(c->who, g->first->who, c->known & g->first->known & ~g->known);
	}
}

/* ---- figures ---- */

static uint64_t beyond(uint64_t all, uint64_t told)
{
	return all > told ? all - told : 0;
}

static bool has_bytes(const struct bh_figures *f)
{
	return f->bytes_to_server || f->bytes_to_client;
}

/*
 * f was told with each of several that count `theirs` together.  What is left of it:
 * nothing, unless it counted bytes where they count none, or at times they know nothing
 * of; then what goes beyond theirs, so that the sum is the larger of both and no more.
 */
static bool left_over(struct bh_figures *f, const struct bh_figures *theirs)
{
	bool bytes = has_bytes(f) && !has_bytes(theirs);

	if (!bytes && join_covers(theirs, f))
		return false;
	f->connections = beyond(f->connections, theirs->connections);
	f->bytes_to_server = beyond(f->bytes_to_server, theirs->bytes_to_server);
	f->bytes_to_client = beyond(f->bytes_to_client, theirs->bytes_to_client);
	f->opens = beyond(f->opens, theirs->opens);
	return f->connections || has_bytes(f) || f->opens;
}

/* ---- putting in ---- */

static struct group *new_group(struct steps *s, const struct cell *c)
{
	struct group *g = &s->u.groups[s->u.n_groups++];

	*g = (struct group){ .who = c->who,
		.figures = c->figures,
		.told = c->told,
		.known = c->known,
		.kinds = (uint8_t)(1u << c->kind),
		.level = c->level,
		.step = s->u.step };
	return g;
}

static int add_group(struct steps *s, const struct cell *c)
{
	return index_add(&s->u, new_group(s, c));
}

static int join_cell(struct steps *s, struct group *g, const struct cell *c)
{
	int r = join_fields(&s->u, g, c->who, c->known);

	if (!r)
		r = join_sources(&s->u, g, c->told);
	g->kinds |= (uint8_t)(1u << c->kind);
	return r;
}

/* The one that can have its figures: the only one, or the only one that is more than
 * the pipes that go with every share. */
static struct group *taker(const struct steps *s, const struct cell *c)
{
	struct group *one = NULL;

	for (size_t i = 0; i < c->n_fits; i++) {
		struct group *g = fit(s, c, i);
		if (c->n_fits > 1 && bh_share_class(g->who) == BH_CLASS_IPC)
			continue;
		if (one)
			return NULL;
		one = g;
	}
	return one;
}

static int tell_with_each(struct steps *s, struct cell *c)
{
	struct bh_figures theirs = { 0 };
	struct group *to = taker(s, c);

	for (size_t i = 0; i < c->n_fits; i++) {
		struct group *g = fit(s, c, i);
		bh_figures_add(&theirs, &g->figures);
		int r = join_cell(s, g, c);
		if (r)
			return r;
	}
	if (to)
		bh_figures_widen(&to->figures, &c->figures);
	else if (left_over(&c->figures, &theirs))
		return add_group(s, c);
	return 0;
}

static struct spread *spread_of(struct steps *s, struct group *g)
{
	if (!g->spread) {
		s->spreads[s->n_spreads] = (struct spread){ .group = (uint32_t)(g - s->u.groups) };
		g->spread = (uint32_t)++s->n_spreads;
	}
	return &s->spreads[g->spread - 1];
}

/* Several cells, one group.  Where they tell nothing differently that it does not know,
 * they are parts of it; else it is one of each. */
static int share_out(struct steps *s, const struct cell *c, struct group *g)
{
	struct spread *sp = spread_of(s, g);

	bh_figures_add(&sp->theirs, &c->figures);
	if (!g->torn)
		return join_cell(s, g, c);
	struct group *own = new_group(s, c);
	int r = join_fields(&s->u, own, g->who, g->known);
	if (!r)
		r = join_sources(&s->u, own, g->told);
	own->kinds |= g->kinds;
	own->level = g->level > own->level ? g->level : own->level;
	return r ? r : index_add(&s->u, own);
}

static void close_spread(struct steps *s, const struct spread *sp)
{
	struct group *g = &s->u.groups[sp->group];

	if (g->torn)
		g->dead = !left_over(&g->figures, &sp->theirs);
	else
		bh_figures_widen(&g->figures, &sp->theirs);
}

/* No group that it fits is fitted by another. */
static bool only_mine(const struct steps *s, const struct cell *c)
{
	for (size_t i = 0; i < c->n_fits; i++) {
		if (fit(s, c, i)->fits != 1)
			return false;
	}
	return true;
}

static int put(struct steps *s, struct cell *c)
{
	if (c->n_fits && (is_part(s, c) || only_mine(s, c)))
		return tell_with_each(s, c);
	if (c->n_fits == 1 && !fit(s, c, 0)->mixed)
		return share_out(s, c, fit(s, c, 0));
	return add_group(s, c);
}

int step_take(struct steps *s, uint32_t from, uint32_t to)
{
	s->u.step++;
	s->n_fits = s->n_spreads = 0;
	for (uint32_t i = from; i < to && !s->failed; i++)
		ask(s, i);
	for (uint32_t i = from; i < to; i++)
		count_fits(s, &s->u.cells[i]);
	for (uint32_t i = from; i < to && !s->failed; i++)
		s->failed = put(s, &s->u.cells[i]);
	for (size_t i = 0; i < s->n_spreads; i++)
		close_spread(s, &s->spreads[i]);
	return s->failed;
}
