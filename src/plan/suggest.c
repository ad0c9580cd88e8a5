#include "plan/suggest.h"

/*
 * Rows are paired, each pair is needed or left out, what is needed is granted, and grants
 * become sentences.  Every step is a file of its own: needs.c, grants.c or budget.c,
 * rules.c, clients.c; admitted.c then counts what the sentences cost.
 */

static bool in_window(struct suggest *s, const struct bh_figures *f)
{
	if (s->o->since && f->last_seen < s->o->since) {
		s->out.too_old++;
		return false;
	}
	if (s->o->until && f->first_seen > s->o->until) {
		s->out.too_new++;
		return false;
	}
	return true;
}

static void count(struct suggest *s, const struct bh_figures *f)
{
	s->out.conversations++;
	s->out.connections += f->connections;
	if (f->first_seen && (!s->out.first_seen || f->first_seen < s->out.first_seen))
		s->out.first_seen = f->first_seen;
	if (f->last_seen > s->out.last_seen)
		s->out.last_seen = f->last_seen;
}

/* Leaves aside what lies outside of the window and what never leaves a machine. */
static int choose(struct suggest *s, size_t n)
{
	const struct bh_row **v = bh_arena_array(s->a, n + 1, sizeof *v);
	size_t m = 0;

	for (size_t i = 0; v && i < n; i++) {
		if (in_window(s, &s->rows[i].figures))
			v[m++] = &s->rows[i];
	}
	int r = v ? pairs_sort(v, m, s->a, &s->pairs) : -ENOMEM;
	if (r)
		return r;
	m = 0;
	for (size_t i = 0; i < s->pairs.n; i++) {
		const struct pair *p = &s->pairs.v[i];
		for (size_t k = 0; !p->loopback && k < p->n; k++)
			count(s, &p->rows[k]->figures);
		if (p->loopback)
			s->out.loopback += p->n;
		else
			s->pairs.v[m++] = *p;
	}
	s->pairs.n = m;
	return 0;
}

/* Where a silent drop would only make people wait. */
static int find_inside(struct suggest *s)
{
	size_t n[2] = { 0 };
	struct bh_range *v[2] = { bh_arena_array(s->a, s->known.n + 1, sizeof **v),
		bh_arena_array(s->a, s->known.n + 1, sizeof **v) };

	if (!v[0] || !v[1])
		return -ENOMEM;
	for (size_t i = 0; i < s->known.n; i++) {
		const struct bh_addr *h = &s->known.v[i].addr;
		unsigned rest = h->family == BH_V4 ? 8 : 64, f = h->family == BH_V6;
		bh_u128 lo = h->num >> rest << rest, hi = lo | (((bh_u128)1 << rest) - 1);
		if (suggest_may_widen(s, h->family, lo, hi))
			v[f][n[f]++] = (struct bh_range){ lo, hi };
	}
	s->out.inside.v4 = bh_ranges_from(s->a, v[0], n[0]);
	s->out.inside.v6 = bh_ranges_from(s->a, v[1], n[1]);
	return 0;
}

int bh_plan_suggest(const struct bh_row *rows, size_t n, const struct bh_suggest_options *o,
	struct bh_arena *a, struct bh_suggestion *ret)
{
	struct suggest s = { .o = o, .rows = rows, .a = a };
	int r = choose(&s, n);

	if (!r)
		r = known_from(&s.pairs, &o->told, NULL, 0, a, &s.known);
	if (!r)
		r = suggest_needs(&s);
	if (!r)
		r = find_inside(&s);
	if (!r)
		r = o->budget ? suggest_budget(&s) : suggest_grants(&s);
	if (!r)
		r = suggest_rules(&s);
	if (!r)
		r = suggest_admitted(&s);
	if (!r)
		r = suggest_left(&s);
	if (r)
		return r;
	s.out.now = o->now;
	s.out.since = o->since;
	s.out.until = o->until;
	s.out.budget = o->budget;
	*ret = s.out;
	return 0;
}
