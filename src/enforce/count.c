/*
 * count: which sentence a packet is counted for.
 *
 * Nothing is decided here: whoever is looked up and found, or not, ends where he would
 * have ended without.
 */
#include <stdio.h>
#include <stdlib.h>

#include "enforce/walk.h"

/* A gate's blocked peers go to chains of its own, so no other gate can share the map: a
 * longer list is not told apart. */
#define MAX_BLOCKED_RANGES 20000u

static const uint8_t families[] = { BH_V4, BH_V6 };

/* ---- where it is counted ---- */

/* "g7_in_s4": of all gates of a hook; made when first asked for. */
static const char *sentence_chain(struct walk *k, const struct counting *c, uint32_t sentence)
{
	const struct bh_table *t = k->l->table;
	const char *name = c->gate ? bh_arena_printf(&k->a, "%.70s_s%u", c->gate, sentence + 1)
				   : bh_arena_printf(&k->a, "g%u_%s_s%u", k->l->generation,
					     bh_hook_names[c->hook], sentence + 1);
	size_t at = c->hook * t->n_sentences + sentence;

	if (!name) {
		k->err = k->err ? k->err : -ENOMEM;
		return "";
	}
	if (c->gate || !k->cited[at]) {
		walk_chain(k, name, t->sentences[sentence].text);
		RULE(k, name, { .kind = S_COUNTER });
		if (c->gate)
			RULE(k, name, { .kind = S_GOTO, .name = c->no });
		else
			RULE(k, name, { .kind = S_ACCEPT });
	}
	if (!c->gate)
		k->cited[at] = true;
	return name;
}

/* A list as it is worked through in one family: a gate's own chains are made once. */
struct tally {
	struct walk *k;
	const struct counting *c;
	uint8_t family;
	size_t n; /* members that are looked at: one that holds everything needs no look */
	const char **chain; /* by place in the list; NULL: not made yet */
};

static const char *target(struct tally *t, size_t i)
{
	const struct bh_counts *l = t->c->list;

	for (size_t n = 0; n < i && !t->chain[i]; n++) {
		if (l->v[n].sentence == l->v[i].sentence)
			t->chain[i] = t->chain[n];
	}
	if (!t->chain[i])
		t->chain[i] = sentence_chain(t->k, t->c, l->v[i].sentence);
	return t->chain[i];
}

/* ---- the first that matches ---- */

static int by_place(const void *x, const void *y)
{
	const struct way *a = x, *b = y;

	return a->range.lo < b->range.lo ? -1 : a->range.lo > b->range.lo;
}

/* Ranges of one field and where each goes. */
struct ways {
	struct way *v;
	size_t n, room;
};

static void add_ways(struct walk *k, struct ways *w, struct bh_ranges r, const char *chain)
{
	if (w->n + r.n > w->room) {
		size_t room = bh_max_size(w->n + r.n, w->room * 2);
		struct way *v = walk_alloc(k, room, sizeof *v);
		if (!v)
			return;
		if (w->n)
			memcpy(v, w->v, w->n * sizeof *v);
		w->v = v;
		w->room = room;
	}
	for (size_t i = 0; i < r.n; i++)
		w->v[w->n++] = (struct way){ .range = r.v[i], .chain = chain };
}

/* Neighbours that go the same way become one: fewer elements. */
static void join_ways(struct ways *w)
{
	size_t n = 0;

	qsort(w->v, w->n, sizeof *w->v, by_place);
	for (size_t i = 0; i < w->n; i++) {
		struct way *last = n ? &w->v[n - 1] : NULL;
		if (last && last->chain == w->v[i].chain && w->v[i].range.lo == last->range.hi + 1)
			last->range.hi = w->v[i].range.hi;
		else
			w->v[n++] = w->v[i];
	}
	w->n = n;
}

/* Looks the address up and goes where its range goes; all of them one way: without a map. */
static void look_up(struct walk *k, const char *chain, uint8_t family, bool dst, struct ways *w)
{
	if (!w->n || k->err)
		return;
	join_ways(w);
	bool all = w->n == 1 && w->v[0].range.lo == 0 && w->v[0].range.hi == bh_addr_max(family);
	if (all) {
		RULE(k, chain, { .kind = S_FAMILY, .family = family },
			{ .kind = w->v[0].chain ? S_GOTO : S_ACCEPT, .name = w->v[0].chain });
		return;
	}
	struct known_thing *t = known_ways(&k->known, &k->a, family, w->v, w->n);
	if (!t) {
		k->err = -ENOMEM;
		return;
	}
	if (!t->name) {
		t->name = walk_number(k, "way", k->known.n_ways, family);
		walk_set(k, &(struct set_def){ .name = t->name,
				    .kind = SET_ADDR_VMAP,
				    .family = family,
				    .ways = w->v,
				    .n_ways = w->n });
	}
	RULE(k, chain,
		{ .kind = dst ? S_DST_VMAP : S_SRC_VMAP, .family = family, .name = t->name });
}

static struct bh_ranges src_of(const struct tally *t, size_t i)
{
	return bh_addrset_of(&t->c->list->v[i].src, t->family);
}

static struct bh_ranges dst_of(const struct tally *t, size_t i)
{
	return bh_addrset_of(&t->c->list->v[i].dst, t->family);
}

/* Of what is left of r, each of the named members takes its part; ways says where to. */
static struct bh_ranges split(struct tally *t, struct bh_ranges r, const size_t *members, size_t n,
	bool dst, struct ways *w)
{
	struct walk *k = t->k;

	for (size_t i = 0; i < n && r.n; i++) {
		struct bh_ranges of = dst ? dst_of(t, members[i]) : src_of(t, members[i]);
		struct bh_ranges part = bh_ranges_intersect(&k->a, r, of);
		if (!part.n)
			continue;
		add_ways(k, w, part, target(t, members[i]));
		r = bh_ranges_subtract(&k->a, r, of);
	}
	return r;
}

/* ---- sources and destinations both ---- */

struct edge {
	bh_u128 at;
	uint32_t member;
};

static int by_edge(const void *x, const void *y)
{
	const struct edge *a = x, *b = y;

	return a->at < b->at ? -1 : a->at > b->at;
}

/* Sources that lie in the same members, and where those lead. */
struct class
{
	const uint64_t *in;
	uint64_t hash;
	const char *chain;
};

struct classes {
	struct class *v;
	size_t n, room, words;
};

static struct bh_ranges everything(struct walk *k, uint8_t family)
{
	return bh_ranges_one(&k->a, 0, bh_addr_max(family));
}

/* The chain that looks at the destination, for one class. */
static const char *class_chain(struct tally *t, const uint64_t *in)
{
	struct walk *k = t->k;
	size_t *members = walk_alloc(k, t->c->list->n, sizeof *members), n = 0;
	struct ways w = { 0 };

	for (size_t i = 0; members && i < t->n; i++) {
		if (in[i / 64] >> i % 64 & 1)
			members[n++] = i;
	}
	if (!n)
		return NULL;
	(void)split(t, everything(k, t->family), members, n, true, &w);
	join_ways(&w);
	bool all = w.n == 1 && w.v[0].range.lo == 0 && w.v[0].range.hi == bh_addr_max(t->family);
	if (all || k->err)
		return all ? w.v[0].chain : NULL;
	const char *name = walk_number(k, "to", ++k->known.n_tos, t->family);
	walk_chain(k, name, NULL);
	look_up(k, name, t->family, true, &w);
	return name;
}

static const char *chain_of_class(
	struct tally *t, struct classes *c, const uint64_t *in, uint64_t hash)
{
	for (size_t i = c->n; i > 0; i--) {
		if (c->v[i - 1].hash == hash && !memcmp(c->v[i - 1].in, in, c->words * sizeof *in))
			return c->v[i - 1].chain;
	}
	if (c->n == c->room) {
		size_t room = c->room * 2 + 16;
		struct class *v = walk_alloc(t->k, room, sizeof *v);
		if (!v)
			return NULL;
		if (c->n)
			memcpy(v, c->v, c->n * sizeof *v);
		c->v = v;
		c->room = room;
	}
	const uint64_t *copy = bh_arena_copy(&t->k->a, in, c->words * sizeof *in);
	const char *chain = class_chain(t, in);
	if (!copy)
		return NULL;
	c->v[c->n++] = (struct class){ .in = copy, .hash = hash, .chain = chain };
	return chain;
}

/* Where the sources of members begin and end. */
static struct edge *edges_of(struct tally *t, size_t *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		n += dst_of(t, i).n ? 2 * src_of(t, i).n : 0;
	struct edge *e = walk_alloc(t->k, n, sizeof *e);
	n = 0;
	for (size_t i = 0; e && i < t->n; i++) {
		struct bh_ranges src = src_of(t, i);
		for (size_t r = 0; dst_of(t, i).n && r < src.n; r++) {
			e[n++] = (struct edge){ .at = src.v[r].lo, .member = (uint32_t)i };
			if (src.v[r].hi != bh_addr_max(t->family))
				e[n++] = (struct edge){ .at = src.v[r].hi + 1,
					.member = (uint32_t)i };
		}
	}
	if (e)
		qsort(e, n, sizeof *e, by_edge);
	*ret = n;
	return e;
}

static uint64_t spread(uint64_t x)
{
	x = (x + 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;
	return (x ^ x >> 31) * 0x94d049bb133111ebu;
}

/* Both sides matter: the source's class first, then the destination within it. */
static void look_up_both(struct tally *t, const char *chain)
{
	struct walk *k = t->k;
	struct classes c = { .words = t->n / 64 + 1 };
	uint64_t *in = walk_alloc(k, c.words, sizeof *in);
	struct ways w = { 0 };
	bh_u128 lo = 0;
	uint64_t hash = 0;
	size_t n = 0;
	struct edge *e = edges_of(t, &n);

	for (size_t i = 0; i <= n && !k->err; i++) {
		bh_u128 at = i < n ? e[i].at : 0;
		if (i == n || at > lo) {
			struct bh_range r = { lo, i < n ? at - 1 : bh_addr_max(t->family) };
			const char *to = chain_of_class(t, &c, in, hash);
			if (to)
				add_ways(k, &w, (struct bh_ranges){ .v = &r, .n = 1 }, to);
		}
		if (i == n)
			break;
		lo = at;
		in[e[i].member / 64] ^= (uint64_t)1 << e[i].member % 64;
		hash ^= spread(e[i].member);
	}
	look_up(k, chain, t->family, false, &w);
}

/* Which side tells the members of a list apart: 1 sources, 2 destinations, 3 both. */
static unsigned sides_of(const struct tally *t)
{
	unsigned sides = 0;

	for (size_t i = 0; i < t->n; i++) {
		struct bh_ranges src = src_of(t, i), dst = dst_of(t, i);
		if (!src.n || !dst.n)
			continue;
		sides |= is_full(src, t->family) ? 0 : 1u;
		sides |= is_full(dst, t->family) ? 0 : 2u;
	}
	return sides;
}

/* To the chain of the first member that holds the packet; none: on in the chain. */
static void first_match(struct tally *t, const char *chain)
{
	struct walk *k = t->k;
	size_t *members = walk_alloc(k, t->n, sizeof *members), n = 0;
	unsigned sides = sides_of(t);
	struct ways w = { 0 };

	for (size_t i = 0; members && i < t->n; i++) {
		if (src_of(t, i).n && dst_of(t, i).n)
			members[n++] = i;
	}
	if (!n || k->err)
		return;
	if (sides == 3) {
		look_up_both(t, chain);
		return;
	}
	(void)split(t, everything(k, t->family), members, n, sides == 2, &w);
	look_up(k, chain, t->family, sides == 2, &w);
}

static struct tally tally_of(struct walk *k, const struct counting *c)
{
	return (struct tally){
		.k = k, .c = c, .n = c->list->n, .chain = walk_alloc(k, c->list->n, sizeof(char *))
	};
}

static bool holds_all(const struct bh_count *c)
{
	return is_full(c->src.v4, BH_V4) && is_full(c->src.v6, BH_V6) &&
	       is_full(c->dst.v4, BH_V4) && is_full(c->dst.v6, BH_V6);
}

/* Both families of a list; then the member that holds everything, or last. */
static void first_match_or(struct walk *k, struct tally *t, const char *chain, struct stmt last)
{
	const struct bh_counts *l = t->c->list;

	for (size_t i = 0; i < l->n && t->n == l->n; i++) {
		if (holds_all(&l->v[i]))
			t->n = i; /* what comes behind it is never met */
	}
	for (size_t f = 0; f < BH_LEN(families) && !k->err; f++) {
		t->family = families[f];
		first_match(t, chain);
	}
	if (t->n < l->n && !k->err)
		last = (struct stmt){ .kind = S_GOTO, .name = target(t, t->n) };
	walk_rule(k, chain, &last, 1);
}

/* ---- what shape.c asks for ---- */

/* Is all of x in y?  Makes nothing. */
static bool within(struct bh_ranges x, struct bh_ranges y)
{
	size_t at = 0;

	for (size_t i = 0; i < x.n; i++) {
		while (at < y.n && y.v[at].hi < x.v[i].lo)
			at++;
		if (at == y.n || y.v[at].lo > x.v[i].lo || y.v[at].hi < x.v[i].hi)
			return false;
	}
	return true;
}

bool count_by_one_side(const struct counting *c, uint8_t family, bool dst)
{
	for (size_t i = 0; i < c->list->n; i++) {
		const struct bh_count *m = &c->list->v[i];
		struct bh_ranges src = bh_addrset_of(&m->src, family);
		struct bh_ranges to = bh_addrset_of(&m->dst, family);
		if (src.n && to.n && !is_full(dst ? src : to, family))
			return false;
	}
	return true;
}

void count_product(struct walk *k, const struct counting *c, const char *chain, uint8_t family,
	struct bh_ranges src, struct bh_ranges dst)
{
	bool by_dst = is_full(src, family) && !is_full(dst, family);
	struct bh_ranges side = by_dst ? dst : src;
	struct tally t = tally_of(k, c);
	size_t *members = walk_alloc(k, c->list->n, sizeof *members), n = 0;
	struct ways w = { 0 };

	t.family = family;
	for (size_t i = 0; members && i < c->list->n; i++) {
		if (src_of(&t, i).n && dst_of(&t, i).n)
			members[n++] = i;
	}
	if (k->err)
		return;
	const char *only = NULL;
	/* Mostly it is one sentence: then one set, which others may share. */
	if (n && within(side, by_dst ? dst_of(&t, members[0]) : src_of(&t, members[0]))) {
		only = target(&t, members[0]);
	} else if (n) {
		struct bh_ranges rest = split(&t, side, members, n, by_dst, &w);
		add_ways(k, &w, rest, NULL);
		look_up(k, chain, family, by_dst, &w);
		return;
	}
	const char *set = walk_set_of(k, family, side);
	struct stmt v[2] = { { .kind = S_FAMILY, .family = family },
		{ .kind = only ? S_GOTO : S_ACCEPT, .name = only } };
	if (set)
		v[0] = (struct stmt){
			.kind = by_dst ? S_DST_SET : S_SRC_SET, .family = family, .name = set
		};
	walk_rule(k, chain, v, 2);
}

const char *count_admitted(struct walk *k, const struct counting *c)
{
	if (!c->list->n)
		return NULL;
	struct known_thing *t = known_counts(&k->known, &k->a, (uint8_t)c->hook, c->list);
	if (!t) {
		k->err = k->err ? k->err : -ENOMEM;
		return NULL;
	}
	if (t->name)
		return t->name;
	t->name = bh_arena_printf(
		&k->a, "g%u_%s_by%zu", k->l->generation, bh_hook_names[c->hook], k->known.n_counts);
	if (!t->name) {
		k->err = k->err ? k->err : -ENOMEM;
		return NULL;
	}
	walk_chain(k, t->name, NULL);
	struct tally in = tally_of(k, c);
	first_match_or(k, &in, t->name, (struct stmt){ .kind = S_ACCEPT });
	return t->name;
}

static bool too_many(const struct bh_counts *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += l->v[i].src.v4.n + l->v[i].src.v6.n + l->v[i].dst.v4.n + l->v[i].dst.v6.n;
	return n > MAX_BLOCKED_RANGES;
}

void count_blocked(struct walk *k, const struct counting *c, const char *chain)
{
	const struct stmt no = { .kind = S_GOTO, .name = c->no };
	struct tally t = tally_of(k, c);

	if (too_many(c->list))
		walk_rule(k, chain, &no, 1);
	else
		first_match_or(k, &t, chain, no);
}
