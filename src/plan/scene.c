#include "plan/scene.h"

#include <stdlib.h>

enum path scene_ask(struct bh_scene *s, const struct pair *pair, struct verdict *ret)
{
	enum path path = OFF_PATH;

	for (size_t i = 0; !pair->loopback && i < s->of.n_points; i++) {
		struct verdict v = verdicts_ask(&s->v[i], pair->client, pair->server, pair->at);
		if (!v.on_path)
			continue;
		path = GOES_ON;
		*ret = v;
		if (!v.is.admit)
			return STOPS;
	}
	return path;
}

enum bh_use scene_use(const struct pair *pair)
{
	enum bh_use best = BH_USE_UNANSWERED;

	for (size_t i = 0; i < pair->n; i++) {
		enum bh_use use = bh_row_use(pair->rows[i]);
		best = use < best ? use : best;
	}
	return best;
}

/* This machine is a known host even where nobody has seen it speak. */
static size_t own_addresses(const struct bh_point *p, struct bh_addr *ret, size_t max)
{
	size_t n = 0;

	for (int family = BH_V4; family <= BH_V6; family += BH_V6 - BH_V4) {
		struct bh_ranges r = bh_addrset_of(&p->view->self, (uint8_t)family);
		for (size_t i = 0; i < r.n; i++) {
			bh_u128 num = r.v[i].lo;
			for (; n < max && num - r.v[i].lo <= r.v[i].hi - r.v[i].lo; num++)
				ret[n++] =
					(struct bh_addr){ .num = num, .family = (uint8_t)family };
		}
	}
	return n;
}

int bh_plan_scene(const struct bh_scene_of *of, struct bh_arena *a, struct bh_scene **ret)
{
	struct bh_scene *s = bh_arena_alloc(a, sizeof *s);
	struct bh_addr own[256];
	size_t n_own = 0;

	if (!s)
		return -ENOMEM;
	s->of = *of;
	s->a = a;
	s->told = of->told ? *of->told : (struct bh_told){ 0 };
	/* Whoever declares a network says that it is his own. */
	s->own = of->bound ? of->bound->declared : (struct bh_addrset){ 0 };
	if (s->told.own)
		s->own = bh_addrset_union(a, s->own, *s->told.own);
	s->told.own = &s->own;
	for (size_t i = 0; i < of->n_points; i++)
		n_own += own_addresses(&of->points[i], own + n_own, BH_LEN(own) - n_own);
	s->v = bh_arena_array(a, of->n_points + 1, sizeof *s->v);
	int r = s->v ? pairs_of_rows(of->rows, of->n, a, &s->pairs) : -ENOMEM;
	if (!r)
		r = known_from(&s->pairs, &s->told, own, n_own, a, &s->known);
	for (size_t i = 0; !r && i < of->n_points; i++)
		r = verdicts_new(of->bound, &of->points[i], &s->known, a, &s->v[i]);
	if (r || !bh_arena_ok(a))
		return -ENOMEM;
	*ret = s;
	return 0;
}
