#include "plan/spans.h"

#include <stdlib.h>

uint32_t spans_lower(const struct known *k, uint8_t family, bh_u128 num)
{
	size_t lo = family == BH_V4 ? 0 : k->split, hi = family == BH_V4 ? k->split : k->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (k->v[mid].addr.num < num)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (uint32_t)lo;
}

void spans_push(struct spans *s, struct bh_arena *a, uint32_t lo, uint32_t hi)
{
	if (lo >= hi)
		return;
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 8;
		struct span *more = bh_arena_array(a, cap, sizeof *more);
		if (!more)
			return;
		if (s->n)
			memcpy(more, s->v, s->n * sizeof *more);
		s->v = more;
		s->cap = cap;
	}
	s->v[s->n++] = (struct span){ lo, hi };
}

void spans_push_all(struct spans *s, struct bh_arena *a, const struct spans *more)
{
	for (size_t i = 0; i < more->n; i++)
		spans_push(s, a, more->v[i].lo, more->v[i].hi);
}

void spans_push_ranges(struct spans *s, struct bh_arena *a, const struct known *k, uint8_t family,
	struct bh_ranges r)
{
	uint32_t end = (uint32_t)(family == BH_V4 ? k->split : k->n);

	for (size_t i = 0; i < r.n; i++) {
		bool top = r.v[i].hi == bh_addr_max(family);
		uint32_t lo = spans_lower(k, family, r.v[i].lo);
		if (lo < end) /* most ranges of a large set hold nobody that is known */
			spans_push(s, a, lo, top ? end : spans_lower(k, family, r.v[i].hi + 1));
	}
}

static int by_lo(const void *x, const void *y)
{
	const struct span *a = x, *b = y;

	return a->lo < b->lo ? -1 : a->lo > b->lo;
}

void spans_join(struct spans *s)
{
	size_t n = 0;
	bool sorted = true;

	for (size_t i = 1; i < s->n && sorted; i++)
		sorted = s->v[i - 1].lo <= s->v[i].lo;
	if (!sorted)
		qsort(s->v, s->n, sizeof *s->v, by_lo);
	for (size_t i = 0; i < s->n; i++) {
		struct span *last = n ? &s->v[n - 1] : NULL;
		if (last && s->v[i].lo <= last->hi)
			last->hi = s->v[i].hi > last->hi ? s->v[i].hi : last->hi;
		else
			s->v[n++] = s->v[i];
	}
	s->n = n;
}

bool spans_hold(const struct spans *s, uint32_t host)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (host < s->v[mid].lo)
			hi = mid;
		else if (host >= s->v[mid].hi)
			lo = mid + 1;
		else
			return true;
	}
	return false;
}

uint64_t spans_count(const struct spans *s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->v[i].hi - s->v[i].lo;
	return n;
}

bool spans_equal(const struct spans *x, const struct spans *y)
{
	return x->n == y->n && (!x->n || !memcmp(x->v, y->v, x->n * sizeof *x->v));
}
