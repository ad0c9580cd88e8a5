#include "plan/plan.h"

#include <stdlib.h>

#include "plan/scene.h"
#include "plan/ways.h"

struct surface {
	struct bh_scene *s;
	const struct bh_point *point; /* NULL: no policy */
	struct ways ways;
	struct bh_surface total;
	struct bh_arena *a;
};

static void count_all(struct surface *s)
{
	const struct known *k = &s->s->known;
	uint64_t n[2] = { k->split, k->n - k->split };
	uint64_t stations[2] = { s->ways.stations[k->split],
		s->ways.stations[k->n] - s->ways.stations[k->split] };

	s->total.hosts = k->n;
	for (unsigned f = 0; f < 2; f++) {
		s->total.pairs += n[f] * (n[f] - !!n[f]);
		s->total.lateral += stations[f] * (stations[f] - !!stations[f]);
	}
}

/* Hosts of one way are counted together, but for themselves. */
static int count_open(struct surface *s)
{
	struct count {
		uint64_t all, stations;
	} *to = bh_arena_array(s->a, s->ways.n + 1, sizeof *to);
	uint64_t open = 0, lateral = 0;

	if (!to)
		return -ENOMEM;
	for (size_t i = 0; i < s->ways.n; i++) {
		to[i].all = spans_count(&s->ways.to[i]);
		to[i].stations = ways_stations(&s->ways, &s->ways.to[i]);
	}
	for (uint32_t h = 0; h < s->s->known.n; h++) {
		uint32_t way = s->ways.of[h];
		bool self = spans_hold(&s->ways.to[way], h);
		open += to[way].all - self;
		if (!s->s->known.v[h].server)
			lateral += to[way].stations - self;
	}
	s->total.judged = s->ways.judged;
	s->total.lateral_judged = s->ways.lateral_judged;
	s->total.judged_open = open - (s->total.pairs - s->total.judged);
	s->total.lateral_judged_open = lateral - (s->total.lateral - s->total.lateral_judged);
	return 0;
}

/* ---- what is in use -------------------------------------------------------- */

/* A pair that the point does not see stays open. */
static void count_one_used(struct surface *s, const struct pair *p)
{
	bool open = !s->point || ways_open(&s->s->v[0], p->client, p->server);
	bool lateral = !s->s->known.v[p->client].server && !s->s->known.v[p->server].server;

	s->total.used++;
	s->total.used_open += open;
	s->total.lateral_used += lateral;
	s->total.lateral_used_open += lateral && open;
}

static int by_client(const void *x, const void *y)
{
	const struct pair *const *a = x, *const *b = y;

	return (*a)->client < (*b)->client ? -1 : (*a)->client > (*b)->client;
}

/* A client of a server counts once, over all its ports. */
static int count_used(struct surface *s)
{
	const struct pairs *p = &s->s->pairs;
	const struct pair **v = bh_arena_array(s->a, p->n + 1, sizeof *v);

	if (!v)
		return -ENOMEM;
	for (size_t i = 0, end; i < p->n; i = end) {
		size_t n = 0;
		for (end = i; end < p->n && p->v[end].server == p->v[i].server; end++) {
			if (!p->v[end].loopback && scene_use(&p->v[end]) <= BH_USE_SMB1)
				v[n++] = &p->v[end];
		}
		if (n)
			qsort(v, n, sizeof *v, by_client);
		for (size_t k = 0; k < n; k++) {
			if (!k || v[k - 1]->client != v[k]->client)
				count_one_used(s, v[k]);
		}
	}
	return 0;
}

/* ---- how far one gets ------------------------------------------------------ */

static int by_number(const void *x, const void *y)
{
	const uint32_t *a = x, *b = y;

	return *a < *b ? -1 : *a > *b;
}

static int count_reach(struct surface *s)
{
	uint32_t *reach = bh_arena_array(s->a, s->s->known.n + 1, sizeof *reach);
	uint32_t *before = bh_arena_array(s->a, s->s->known.n + 1, sizeof *before);
	size_t n = 0;
	int r = reach && before ? ways_reach(&s->ways, reach) : -ENOMEM;

	if (r)
		return r;
	for (uint32_t h = 0; h < s->s->known.n; h++) {
		if (s->s->known.v[h].server)
			continue;
		size_t family = h < s->s->known.split ? s->s->known.split
						      : s->s->known.n - s->s->known.split;
		before[n] = (uint32_t)family - 1;
		reach[n++] = reach[h];
	}
	s->total.stations = n;
	if (!n)
		return 0;
	qsort(reach, n, sizeof *reach, by_number);
	qsort(before, n, sizeof *before, by_number);
	s->total.reach = (struct bh_reach){ reach[(n - 1) / 2], reach[n - 1] };
	s->total.reach_before = (struct bh_reach){ before[(n - 1) / 2], before[n - 1] };
	return 0;
}

/* ---- all of it --------------------------------------------------------------- */

int bh_plan_surface(struct bh_scene *scene, const struct bh_table *table, struct bh_arena *a,
	struct bh_surface *ret)
{
	struct surface s = { .s = scene, .a = a };

	s.point = scene->of.n_points ? &scene->of.points[0] : NULL;
	assert(!s.point || table || !(s.point->view->gateway || s.point->forwards));
	int r = ways_from(&scene->known, s.point, table, s.point ? &scene->v[0] : NULL, a, &s.ways);
	if (r)
		return r;
	count_all(&s);
	r = count_open(&s);
	if (!r)
		r = count_used(&s);
	if (!r)
		r = count_reach(&s);
	if (!r && !bh_arena_ok(a))
		r = -ENOMEM;
	if (!r)
		*ret = s.total;
	return r;
}
