#include <stdlib.h>

#include "plan/ways.h"

/*
 * How far a compromised host gets: from way to way, as far as there are hosts that have
 * one.  Ways that lead to each other lead to the same hosts; Tarjan's walk finds those
 * groups, and each is finished after all that it leads to.
 */

/* Hosts that follow each other and have the same way, which leads somewhere. */
struct run {
	uint32_t lo, hi, way;
};

struct step {
	uint32_t way;
	size_t span, run; /* where it looks next */
};

struct walk {
	const struct ways *w;
	struct bh_arena own;
	struct run *runs;
	size_t n_runs;
	uint32_t *index, *low; /* by way: when it was met, from 1; the earliest it leads to */
	bool *stacked;
	uint32_t *stack;
	size_t n_stack;
	struct step *steps;
	size_t n_steps;
	uint32_t met;
	uint32_t *group; /* by way, once finished */
	struct spans *to; /* by group: everything that can be walked to */
	size_t n_groups;
	uint32_t *joined; /* by group: the group that was joined with it last, plus 1 */
};

static size_t runs_of(const struct ways *w, struct run *ret)
{
	size_t n = 0;

	for (uint32_t h = 0; h < w->known->n; h++) {
		uint32_t way = w->of[h];
		if (!w->to[way].n)
			continue;
		if (n && ret[n - 1].way == way && ret[n - 1].hi == h)
			ret[n - 1].hi++;
		else
			ret[n++] = (struct run){ h, h + 1, way };
	}
	return n;
}

/* The first run that does not end before a host. */
static size_t first_run(const struct walk *k, uint32_t host)
{
	size_t lo = 0, hi = k->n_runs;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (k->runs[mid].hi <= host)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The next way that a way leads to; false: it was told all. */
static bool next_way(const struct walk *k, struct step *at, uint32_t *ret)
{
	const struct spans *to = &k->w->to[at->way];

	for (; at->span < to->n; at->span++, at->run = SIZE_MAX) {
		if (at->run == SIZE_MAX)
			at->run = first_run(k, to->v[at->span].lo);
		if (at->run < k->n_runs && k->runs[at->run].lo < to->v[at->span].hi) {
			*ret = k->runs[at->run++].way;
			return true;
		}
	}
	return false;
}

static void meet(struct walk *k, uint32_t way)
{
	k->index[way] = k->low[way] = ++k->met;
	k->stack[k->n_stack++] = way;
	k->stacked[way] = true;
	k->steps[k->n_steps++] = (struct step){ .way = way, .run = SIZE_MAX };
}

/* The ways from `way` on top of the stack lead to each other: what all of them lead to,
 * and what the groups lead to that were finished before. */
static void finish(struct walk *k, uint32_t way)
{
	uint32_t group = (uint32_t)k->n_groups++;
	struct spans *to = &k->to[group];
	size_t from = k->n_stack;

	do {
		from--;
		k->group[k->stack[from]] = group;
		k->stacked[k->stack[from]] = false;
	} while (k->stack[from] != way);
	for (size_t i = from; i < k->n_stack; i++) {
		struct step at = { .way = k->stack[i], .run = SIZE_MAX };
		uint32_t next;
		spans_push_all(to, &k->own, &k->w->to[at.way]);
		while (next_way(k, &at, &next)) {
			uint32_t other = k->group[next];
			if (other == group || k->joined[other] == group + 1)
				continue;
			k->joined[other] = group + 1;
			spans_push_all(to, &k->own, &k->to[other]);
		}
	}
	spans_join(to);
	k->n_stack = from;
}

static void walk_from(struct walk *k, uint32_t way)
{
	meet(k, way);
	while (k->n_steps) {
		struct step *at = &k->steps[k->n_steps - 1];
		uint32_t next;
		if (next_way(k, at, &next)) {
			if (!k->index[next])
				meet(k, next);
			else if (k->stacked[next] && k->index[next] < k->low[at->way])
				k->low[at->way] = k->index[next];
			continue;
		}
		uint32_t done = at->way;
		k->n_steps--;
		if (k->n_steps) {
			uint32_t from = k->steps[k->n_steps - 1].way;
			k->low[from] = k->low[done] < k->low[from] ? k->low[done] : k->low[from];
		}
		if (k->low[done] == k->index[done])
			finish(k, done);
	}
}

static int walk_all(struct walk *k)
{
	size_t n = k->w->n + 1;

	k->runs = bh_arena_array(&k->own, k->w->known->n + 1, sizeof *k->runs);
	k->index = bh_arena_array(&k->own, n, sizeof *k->index);
	k->low = bh_arena_array(&k->own, n, sizeof *k->low);
	k->stacked = bh_arena_array(&k->own, n, sizeof *k->stacked);
	k->stack = bh_arena_array(&k->own, n, sizeof *k->stack);
	k->steps = bh_arena_array(&k->own, n, sizeof *k->steps);
	k->group = bh_arena_array(&k->own, n, sizeof *k->group);
	k->to = bh_arena_array(&k->own, n, sizeof *k->to);
	k->joined = bh_arena_array(&k->own, n, sizeof *k->joined);
	if (!bh_arena_ok(&k->own))
		return -ENOMEM;
	k->n_runs = runs_of(k->w, k->runs);
	for (uint32_t way = 0; way < k->w->n; way++) {
		if (!k->index[way])
			walk_from(k, way);
	}
	return bh_arena_ok(&k->own) ? 0 : -ENOMEM;
}

int ways_reach(const struct ways *w, uint32_t *ret)
{
	struct walk k = { .w = w };
	int r = walk_all(&k);

	for (uint32_t h = 0; !r && h < w->known->n; h++) {
		const struct spans *to = &k.to[k.group[w->of[h]]];
		ret[h] = (uint32_t)(spans_count(to) - spans_hold(to, h));
	}
	bh_arena_reset(&k.own);
	return r;
}
