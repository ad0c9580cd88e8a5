#include "proof/space.h"

#include <stdlib.h>

void bh_atoms_add(struct atoms *to, struct bh_ranges r)
{
	if (!r.n)
		return;
	if (to->n == to->room) {
		size_t room = to->room ? to->room * 2 : 32;
		struct bh_ranges *v = bh_arena_array(to->a, room, sizeof *v);
		if (!v)
			return;
		if (to->n)
			memcpy(v, to->v, to->n * sizeof *v);
		to->v = v;
		to->room = room;
	}
	to->v[to->n++] = r;
}

void bh_atoms_add_one(struct atoms *to, bh_u128 lo, bh_u128 hi)
{
	bh_atoms_add(to, bh_ranges_one(to->a, lo, hi));
}

/* An atom begins or ends in front of this number. */
struct edge {
	bh_u128 at;
	uint32_t atom;
};

static int by_place(const void *x, const void *y)
{
	const struct edge *a = x, *b = y;
	return a->at < b->at ? -1 : a->at > b->at;
}

/* One stretch between edges and its class. */
struct stretch {
	bh_u128 lo, hi;
	uint32_t klass;
};

struct divider {
	struct bh_arena *a;
	size_t words; /* of a membership bitmap */
	uint64_t *now;
	uint64_t hash;
	uint64_t **seen; /* per class its bitmap */
	uint32_t *bucket, buckets; /* class + 1 by hash */
	struct stretch *stretch;
	size_t n_stretches;
	uint32_t n;
};

static uint64_t token(uint64_t atom)
{
	uint64_t z = (atom + 1) * 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* The class of the membership as it is now.  The hash only finds the place; equal are
 * two memberships when they are equal, atom for atom. */
static int klass_of(struct divider *d, uint32_t *ret)
{
	size_t bytes = d->words * sizeof *d->now;
	uint32_t at = (uint32_t)d->hash & (d->buckets - 1);

	for (; d->bucket[at]; at = (at + 1) & (d->buckets - 1))
		if (!memcmp(d->seen[d->bucket[at] - 1], d->now, bytes)) {
			*ret = d->bucket[at] - 1;
			return 0;
		}
	if (d->n == MAX_CLASSES || (d->n + 1) * bytes > 64u << 20)
		return -E2BIG;
	d->seen[d->n] = bh_arena_copy(d->a, d->now, bytes);
	if (!d->seen[d->n])
		return -ENOMEM;
	*ret = d->n++;
	d->bucket[at] = d->n;
	return 0;
}

static int sweep(struct divider *d, const struct edge *e, size_t n, bh_u128 max)
{
	bh_u128 lo = 0;

	for (size_t i = 0; i <= n;) {
		bh_u128 hi = i < n ? e[i].at - 1 : max;
		if (i == n || e[i].at > lo) {
			struct stretch *s = &d->stretch[d->n_stretches];
			*s = (struct stretch){ .lo = lo, .hi = hi };
			int r = klass_of(d, &s->klass);
			if (r < 0)
				return r;
			bool on = d->n_stretches && s[-1].klass == s->klass;
			if (on)
				s[-1].hi = hi;
			else
				d->n_stretches++;
			lo = hi + 1;
		}
		if (i == n)
			return 0;
		for (bh_u128 at = e[i].at; i < n && e[i].at == at; i++) {
			d->now[e[i].atom / 64] ^= 1ull << e[i].atom % 64;
			d->hash ^= token(e[i].atom);
		}
	}
	return 0;
}

static int gather(const struct divider *d, struct classes *ret)
{
	struct klass *v = bh_arena_array(d->a, d->n, sizeof *v);
	struct bh_range *r = bh_arena_array(d->a, d->n_stretches, sizeof *r);
	size_t *start = bh_arena_array(d->a, d->n + 1u, sizeof *start);

	if (!v || !r || !start)
		return -ENOMEM;
	for (size_t i = 0; i < d->n_stretches; i++)
		start[d->stretch[i].klass + 1]++;
	for (uint32_t k = 0; k < d->n; k++) {
		start[k + 1] += start[k];
		v[k].all.v = r + start[k];
	}
	for (size_t i = 0; i < d->n_stretches; i++) {
		const struct stretch *s = &d->stretch[i];
		struct klass *k = &v[s->klass];
		if (!k->all.n)
			k->rep = s->lo;
		r[start[s->klass] + k->all.n++] = (struct bh_range){ .lo = s->lo, .hi = s->hi };
	}
	ret->v = v;
	ret->n = d->n;
	return 0;
}

int bh_space_divide(const struct atoms *atoms, bh_u128 max, struct classes *ret)
{
	struct divider d = {
		.a = atoms->a, .words = atoms->n / 64 + 1, .buckets = 4 * MAX_CLASSES
	};
	size_t n = 0, at = 0;

	if (!bh_arena_ok(atoms->a))
		return -ENOMEM;
	for (size_t i = 0; i < atoms->n; i++)
		n += 2 * atoms->v[i].n;
	struct edge *e = bh_arena_array(d.a, n + 1, sizeof *e);
	d.stretch = bh_arena_array(d.a, n + 1, sizeof *d.stretch);
	d.now = bh_arena_array(d.a, d.words, sizeof *d.now);
	while (d.buckets > 4 * (n + 4) && d.buckets > 16)
		d.buckets /= 2;
	d.bucket = bh_arena_array(d.a, d.buckets, sizeof *d.bucket);
	d.seen = bh_arena_array(d.a, bh_min_size(n + 1, MAX_CLASSES), sizeof *d.seen);
	if (!e || !d.stretch || !d.now || !d.bucket || !d.seen)
		return -ENOMEM;
	for (size_t i = 0; i < atoms->n; i++)
		for (size_t k = 0; k < atoms->v[i].n; k++) {
			const struct bh_range *r = &atoms->v[i].v[k];
			if (r->lo > max)
				continue;
			e[at++] = (struct edge){ .at = r->lo, .atom = (uint32_t)i };
			if (r->hi < max)
				e[at++] = (struct edge){ .at = r->hi + 1, .atom = (uint32_t)i };
		}
	qsort(e, at, sizeof *e, by_place);
	int r = sweep(&d, e, at, max);
	return r < 0 ? r : gather(&d, ret);
}
