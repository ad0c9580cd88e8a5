#include "plan/classes.h"

#include <stdlib.h>

/* A rectangle's sources begin or end here. */
struct cut {
	bh_u128 at;
	uint32_t rect;
	uint32_t end;
};

/* Sources that lie in the same rectangles. */
struct class
{
	const uint64_t *inside; /* a bit per rectangle */
	uint64_t hash;
	struct bh_range *src;
	size_t n_src, cap_src;
	struct bh_ranges dst;
};

/* One family's sources, from the lowest to the highest. */
struct sweep {
	struct bh_arena *a;
	uint8_t family;
	const struct rectangle *rects;
	size_t n_rects;
	struct class *classes;
	size_t n, cap;
	uint32_t *slots; /* open addressing: index + 1 */
	size_t n_slots; /* a power of two */
	size_t words; /* of a bit set */
};

static uint64_t spread(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static void rehash(struct sweep *s)
{
	size_t n = s->n_slots ? s->n_slots * 2 : 64;
	uint32_t *slots = bh_arena_array(s->a, n, sizeof *slots);

	if (!slots)
		return;
	for (size_t i = 0; i < s->n; i++) {
		size_t at = s->classes[i].hash & (n - 1);
		while (slots[at])
			at = (at + 1) & (n - 1);
		slots[at] = (uint32_t)i + 1;
	}
	s->slots = slots;
	s->n_slots = n;
}

/* The class of that bit set, made when it is new; NULL without memory. */
static struct class *find(struct sweep *s, const uint64_t *inside, uint64_t hash)
{
	if (s->n * 2 >= s->n_slots)
		rehash(s);
	if (!bh_arena_ok(s->a))
		return NULL;
	size_t at = hash & (s->n_slots - 1);
	for (; s->slots[at]; at = (at + 1) & (s->n_slots - 1)) {
		struct class *c = &s->classes[s->slots[at] - 1];
		if (c->hash == hash && !memcmp(c->inside, inside, s->words * sizeof *inside))
			return c;
	}
	if (s->n == s->cap) {
		size_t cap = s->cap * 2 + 16;
		struct class *grown = bh_arena_array(s->a, cap, sizeof *grown);
		if (!grown)
			return NULL;
		if (s->n)
			memcpy(grown, s->classes, s->n * sizeof *grown);
		s->classes = grown;
		s->cap = cap;
	}
	struct class *c = &s->classes[s->n];
	*c = (struct class){ .hash = hash };
	c->inside = bh_arena_copy(s->a, inside, s->words * sizeof *inside);
	s->slots[at] = (uint32_t)++s->n;
	return c->inside ? c : NULL;
}

static void add_range(struct sweep *s, struct class *c, bh_u128 lo, bh_u128 hi)
{
	if (c->n_src == c->cap_src) {
		size_t cap = c->cap_src * 2 + 4;
		struct bh_range *grown = bh_arena_array(s->a, cap, sizeof *grown);
		if (!grown)
			return;
		if (c->n_src)
			memcpy(grown, c->src, c->n_src * sizeof *grown);
		c->src = grown;
		c->cap_src = cap;
	}
	c->src[c->n_src++] = (struct bh_range){ .lo = lo, .hi = hi };
}

static int by_place(const void *x, const void *y)
{
	const struct cut *a = x, *b = y;

	return a->at < b->at ? -1 : a->at > b->at;
}

static struct bh_ranges sources(const struct sweep *s, size_t rect)
{
	return bh_addrset_of(&s->rects[rect].src, s->family);
}

static size_t cuts_of(const struct sweep *s, struct cut *cuts)
{
	size_t n = 0;

	for (size_t r = 0; r < s->n_rects; r++) {
		struct bh_ranges src = sources(s, r);
		for (size_t i = 0; i < src.n; i++) {
			struct bh_range v = src.v[i];
			cuts[n++] = (struct cut){ .at = v.lo, .rect = (uint32_t)r };
			if (v.hi < bh_addr_max(s->family))
				cuts[n++] = (struct cut){
					.at = v.hi + 1, .rect = (uint32_t)r, .end = 1
				};
		}
	}
	qsort(cuts, n, sizeof *cuts, by_place);
	return n;
}

/* Walks the cuts; between two of them every source is of one class. */
static void walk(struct sweep *s, const struct cut *cuts, size_t n, uint64_t *inside)
{
	uint64_t hash = 0;
	bh_u128 at = 0;

	for (size_t i = 0; i <= n && bh_arena_ok(s->a); i++) {
		bool last = i == n;
		if (last || cuts[i].at > at) {
			bh_u128 hi = last ? bh_addr_max(s->family) : cuts[i].at - 1;
			struct class *c = find(s, inside, hash);
			if (c)
				add_range(s, c, at, hi);
		}
		if (last)
			break;
		at = cuts[i].at;
		inside[cuts[i].rect / 64] ^= (uint64_t)1 << cuts[i].rect % 64;
		hash ^= spread(cuts[i].rect);
	}
}

static struct bh_ranges destinations(
	struct sweep *s, const struct class *c, bool otherwise, struct bh_ranges always)
{
	struct bh_ranges allow = { 0 }, block = { 0 };

	if (otherwise)
		allow = bh_ranges_one(s->a, 0, bh_addr_max(s->family));
	for (size_t r = 0; r < s->n_rects; r++) {
		if (!(c->inside[r / 64] >> r % 64 & 1))
			continue;
		struct bh_ranges dst = bh_addrset_of(&s->rects[r].dst, s->family);
		if (s->rects[r].block)
			block = bh_ranges_union(s->a, block, dst);
		else if (!otherwise)
			allow = bh_ranges_union(s->a, allow, dst);
	}
	return bh_ranges_union(s->a, bh_ranges_subtract(s->a, allow, block), always);
}

static struct bh_addrset in_family(uint8_t family, struct bh_ranges r)
{
	return family == BH_V4 ? (struct bh_addrset){ .v4 = r } : (struct bh_addrset){ .v6 = r };
}

static int by_destination(const void *x, const void *y)
{
	const struct class *a = *(const struct class *const *)x,
			   *b = *(const struct class *const *)y;

	if (a->dst.n != b->dst.n)
		return a->dst.n < b->dst.n ? -1 : 1;
	for (size_t i = 0; i < a->dst.n; i++) {
		const struct bh_range *p = &a->dst.v[i], *q = &b->dst.v[i];
		if (p->lo != q->lo)
			return p->lo < q->lo ? -1 : 1;
		if (p->hi != q->hi)
			return p->hi < q->hi ? -1 : 1;
	}
	return a->src[0].lo < b->src[0].lo ? -1 : a->src[0].lo > b->src[0].lo;
}

static int by_source(const void *x, const void *y)
{
	const struct bh_product *a = x, *b = y;
	const struct bh_ranges p = a->src.v4.n ? a->src.v4 : a->src.v6;
	const struct bh_ranges q = b->src.v4.n ? b->src.v4 : b->src.v6;

	return p.v[0].lo < q.v[0].lo ? -1 : p.v[0].lo > q.v[0].lo;
}

/* Classes with the same destinations become one product. */
static int gather(struct sweep *s, struct bh_products *ret)
{
	struct class **order = bh_arena_array(s->a, s->n, sizeof(struct class *));
	struct bh_product *v = bh_arena_array(s->a, s->n, sizeof *v);
	size_t n = 0, products = 0;

	if (!order || !v)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++) {
		if (s->classes[i].dst.n)
			order[n++] = &s->classes[i];
	}
	qsort(order, n, sizeof(struct class *), by_destination);
	for (size_t i = 0; i < n;) {
		size_t end = i, all = 0, k = 0;
		while (end < n && bh_ranges_equal(order[i]->dst, order[end]->dst))
			all += order[end++]->n_src;
		struct bh_range *src = bh_arena_array(s->a, all, sizeof *src);
		if (!src)
			return -ENOMEM;
		for (size_t j = i; j < end; j++) {
			memcpy(src + k, order[j]->src, order[j]->n_src * sizeof *src);
			k += order[j]->n_src;
		}
		v[products].src = in_family(s->family, bh_ranges_from(s->a, src, all));
		v[products++].dst = in_family(s->family, order[i]->dst);
		i = end;
	}
	if (!bh_arena_ok(s->a))
		return -ENOMEM;
	qsort(v, products, sizeof *v, by_source);
	*ret = (struct bh_products){ .v = v, .n = products };
	return 0;
}

static int one_family(
	struct sweep *s, bool otherwise, struct bh_ranges always, struct bh_products *ret)
{
	size_t ends = 0;

	for (size_t r = 0; r < s->n_rects; r++)
		ends += 2 * sources(s, r).n;
	struct cut *cuts = bh_arena_array(s->a, ends, sizeof *cuts);
	uint64_t *inside = bh_arena_array(s->a, s->words, sizeof *inside);
	if (!cuts || !inside)
		return -ENOMEM;
	size_t n = cuts_of(s, cuts);
	walk(s, cuts, n, inside);
	for (size_t i = 0; i < s->n; i++)
		s->classes[i].dst = destinations(s, &s->classes[i], otherwise, always);
	if (!bh_arena_ok(s->a))
		return -ENOMEM;
	return gather(s, ret);
}

static int two_families(struct bh_arena *a, const struct bh_products in[2], struct bh_products *ret)
{
	size_t n = in[0].n + in[1].n;
	struct bh_product *v = bh_arena_array(a, n, sizeof *v);

	if (!v)
		return -ENOMEM;
	if (in[0].n)
		memcpy(v, in[0].v, in[0].n * sizeof *v);
	if (in[1].n)
		memcpy(v + in[0].n, in[1].v, in[1].n * sizeof *v);
	*ret = (struct bh_products){ .v = v, .n = n };
	return 0;
}

int classes_of(const struct rectangle *rects, size_t n_rects, bool otherwise,
	struct bh_addrset always, struct bh_arena *a, struct bh_products *ret)
{
	struct bh_products in[2];

	for (unsigned f = 0; f < 2; f++) {
		struct sweep s = { .a = a,
			.family = f ? BH_V6 : BH_V4,
			.rects = rects,
			.n_rects = n_rects,
			.words = n_rects / 64 + 1 };
		int r = one_family(&s, otherwise, bh_addrset_of(&always, s.family), &in[f]);
		if (r)
			return r;
	}
	return two_families(a, in, ret);
}
