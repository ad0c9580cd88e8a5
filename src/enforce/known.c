#include "enforce/known.h"

#include <stdlib.h>

#include "enforce/shape.h"

enum { SET, CLASS, MAP, COUNTS, WAYS };

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9fb21c651e98df25u;
	return h ^ h >> 32;
}

static uint64_t hash_ranges(uint64_t h, struct bh_ranges r)
{
	for (size_t i = 0; i < r.n; i++) {
		h = mix(h, (uint64_t)r.v[i].lo);
		h = mix(h, (uint64_t)(r.v[i].lo >> 64));
		h = mix(h, (uint64_t)r.v[i].hi);
		h = mix(h, (uint64_t)(r.v[i].hi >> 64));
	}
	return mix(h, r.n);
}

static uint64_t mix_text(uint64_t h, const char *s)
{
	for (; s && *s; s++)
		h = mix(h, (uint8_t)*s);
	return h;
}

static bool same_text(const char *x, const char *y)
{
	return x == y || (x && y && !strcmp(x, y));
}

static bool products_equal(uint8_t family, const struct bh_products *x, const struct bh_products *y)
{
	if (x->n != y->n)
		return false;
	for (size_t i = 0; i < x->n; i++) {
		const struct bh_product *p = &x->v[i], *q = &y->v[i];
		if (!bh_ranges_equal(
			    bh_addrset_of(&p->src, family), bh_addrset_of(&q->src, family)) ||
			!bh_ranges_equal(
				bh_addrset_of(&p->dst, family), bh_addrset_of(&q->dst, family)))
			return false;
	}
	return true;
}

static bool counts_equal(const struct bh_counts *x, const struct bh_counts *y)
{
	if (x->n != y->n)
		return false;
	for (size_t i = 0; i < x->n; i++) {
		if (x->v[i].sentence != y->v[i].sentence ||
			!bh_addrset_equal(&x->v[i].src, &y->v[i].src) ||
			!bh_addrset_equal(&x->v[i].dst, &y->v[i].dst))
			return false;
	}
	return true;
}

static bool ways_equal(const struct known_thing *x, const struct known_thing *y)
{
	if (x->n_ways != y->n_ways)
		return false;
	for (size_t i = 0; i < x->n_ways; i++) {
		const struct way *a = &x->ways[i], *b = &y->ways[i];
		if (a->range.lo != b->range.lo || a->range.hi != b->range.hi ||
			!same_text(a->chain, b->chain))
			return false;
	}
	return true;
}

static bool same(const struct known_thing *x, const struct known_thing *y)
{
	if (x->hash != y->hash || x->kind != y->kind || x->family != y->family ||
		!same_text(x->to, y->to))
		return false;
	switch (x->kind) {
	case MAP: return products_equal(x->family, x->products, y->products);
	case COUNTS: return counts_equal(x->counts, y->counts);
	case WAYS: return ways_equal(x, y);
	default: return bh_ranges_equal(x->ranges, y->ranges);
	}
}

static bool grow(struct known *k)
{
	size_t n = k->n_slots ? k->n_slots * 2 : 64;
	struct known_thing **slots = calloc(n, sizeof(struct known_thing *));

	if (!slots)
		return false;
	for (size_t i = 0; i < k->n_slots; i++) {
		if (!k->slots[i])
			continue;
		size_t at = k->slots[i]->hash & (n - 1);
		while (slots[at])
			at = (at + 1) & (n - 1);
		slots[at] = k->slots[i];
	}
	free(k->slots);
	k->slots = slots;
	k->n_slots = n;
	return true;
}

static struct known_thing *find(
	struct known *k, struct bh_arena *a, const struct known_thing *like, size_t *count)
{
	if (k->n * 2 >= k->n_slots && !grow(k))
		return NULL;
	size_t at = like->hash & (k->n_slots - 1);
	for (; k->slots[at]; at = (at + 1) & (k->n_slots - 1)) {
		if (same(k->slots[at], like))
			return k->slots[at];
	}
	struct known_thing *t = bh_arena_copy(a, like, sizeof *like);
	if (!t)
		return NULL;
	k->slots[at] = t;
	k->n++;
	++*count;
	return t;
}

struct known_thing *known_set(
	struct known *k, struct bh_arena *a, uint8_t family, struct bh_ranges r)
{
	struct known_thing like = { .kind = SET, .family = family, .ranges = r };

	like.hash = hash_ranges(family, r);
	return find(k, a, &like, &k->n_sets);
}

struct known_thing *known_class(
	struct known *k, struct bh_arena *a, uint8_t family, struct bh_ranges dst, const char *to)
{
	struct known_thing like = { .kind = CLASS, .family = family, .ranges = dst, .to = to };

	like.hash = mix_text(hash_ranges(family, dst), to);
	return find(k, a, &like, &k->n_classes);
}

struct known_thing *known_map(struct known *k, struct bh_arena *a, uint8_t family,
	const struct bh_products *p, const char *to)
{
	struct known_thing like = { .kind = MAP, .family = family, .products = p, .to = to };

	like.hash = mix_text(family, to);
	for (size_t i = 0; i < p->n; i++) {
		like.hash = hash_ranges(like.hash, bh_addrset_of(&p->v[i].src, family));
		like.hash = hash_ranges(like.hash, bh_addrset_of(&p->v[i].dst, family));
	}
	return find(k, a, &like, &k->n_maps);
}

struct known_thing *known_counts(
	struct known *k, struct bh_arena *a, uint8_t hook, const struct bh_counts *c)
{
	struct known_thing like = { .kind = COUNTS, .family = hook, .counts = c };

	like.hash = hook;
	for (size_t i = 0; i < c->n; i++) {
		like.hash = mix(like.hash, c->v[i].sentence);
		like.hash = hash_ranges(like.hash, c->v[i].src.v4);
		like.hash = hash_ranges(like.hash, c->v[i].src.v6);
		like.hash = hash_ranges(like.hash, c->v[i].dst.v4);
		like.hash = hash_ranges(like.hash, c->v[i].dst.v6);
	}
	return find(k, a, &like, &k->n_counts);
}

struct known_thing *known_ways(
	struct known *k, struct bh_arena *a, uint8_t family, const struct way *ways, size_t n)
{
	struct known_thing like = { .kind = WAYS, .family = family, .ways = ways, .n_ways = n };

	like.hash = family;
	for (size_t i = 0; i < n; i++) {
		like.hash = mix(like.hash, (uint64_t)ways[i].range.lo);
		like.hash = mix(like.hash, (uint64_t)(ways[i].range.lo >> 64));
		like.hash = mix(like.hash, (uint64_t)ways[i].range.hi);
		like.hash = mix_text(like.hash, ways[i].chain);
	}
	return find(k, a, &like, &k->n_ways);
}

void known_free(struct known *k)
{
	free(k->slots);
	*k = (struct known){ 0 };
}
