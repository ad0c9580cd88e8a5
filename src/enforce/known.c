#include "enforce/known.h"

#include <stdlib.h>

enum { SET, CLASS, MAP };

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

static bool same(const struct known_thing *x, const struct known_thing *y)
{
	if (x->hash != y->hash || x->kind != y->kind || x->family != y->family)
		return false;
	return x->kind == MAP ? products_equal(x->family, x->products, y->products)
			      : bh_ranges_equal(x->ranges, y->ranges);
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
	struct known *k, struct bh_arena *a, uint8_t family, struct bh_ranges dst)
{
	struct known_thing like = { .kind = CLASS, .family = family, .ranges = dst };

	like.hash = hash_ranges(family, dst);
	return find(k, a, &like, &k->n_classes);
}

struct known_thing *known_map(
	struct known *k, struct bh_arena *a, uint8_t family, const struct bh_products *p)
{
	struct known_thing like = { .kind = MAP, .family = family, .products = p };

	like.hash = family;
	for (size_t i = 0; i < p->n; i++) {
		like.hash = hash_ranges(like.hash, bh_addrset_of(&p->v[i].src, family));
		like.hash = hash_ranges(like.hash, bh_addrset_of(&p->v[i].dst, family));
	}
	return find(k, a, &like, &k->n_maps);
}

void known_free(struct known *k)
{
	free(k->slots);
	*k = (struct known){ 0 };
}
