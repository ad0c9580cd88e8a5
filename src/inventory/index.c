/*
 * A keyed hash from (client, server, share, user) to groups.  A group is entered four
 * times, with and without its share and with and without its user, so that a cell that
 * does not know one of them asks once.
 */
#include "inventory/unify.h"

enum {
	VARIANTS = 4,
	/* Other names or addresses of one end that are asked for, too. */
	ALIASES = 8,
	ENDS = ALIASES + 1,
};

struct entry {
	uint64_t hash;
	uint32_t group;
	uint32_t next; /* place + 1; 0: none */
};

struct index {
	uint32_t *buckets;
	uint64_t mask;
	struct entry *v;
	size_t n;
};

int index_new(struct unify *u, size_t n)
{
	struct index *x = bh_arena_alloc(u->a, sizeof *x);
	size_t buckets = 64;

	while (buckets < n * VARIANTS)
		buckets *= 2;
	if (!x)
		return -ENOMEM;
	x->mask = buckets - 1;
	x->buckets = bh_arena_array(u->a, buckets, sizeof *x->buckets);
	x->v = bh_arena_array(u->a, n * VARIANTS + 1, sizeof *x->v);
	if (!x->buckets || !x->v)
		return -ENOMEM;
	u->index = x;
	return 0;
}

/* ---- keys ---- */

static uint64_t mix(uint64_t h, uint64_t v)
{
	h ^= v;
	h *= 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

static uint64_t text_key(uint64_t seed, struct bh_span s)
{
	uint64_t h = mix(seed, s.len);

	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.ptr[i];
		h = mix(h, c >= 'A' && c <= 'Z' ? c | 0x20u : c);
	}
	return h;
}

static uint64_t addr_key(uint64_t seed, const struct bh_addr *a)
{
	return mix(mix(mix(seed, a->family), (uint64_t)a->num), (uint64_t)(a->num >> 64));
}

static const char *end_name(const struct bh_talk *c, bool server)
{
	uint8_t bit = server ? BH_KNOWN_SERVER_NAME : BH_KNOWN_WORKSTATION;

	return !(c->known & bit) ? "" : server ? c->server_name : c->workstation;
}

/* What an end is known by: its address, else its name. */
static uint64_t end_key(const struct unify *u, const struct bh_talk *c, bool server)
{
	const struct bh_addr *addr = server ? &c->server : &c->client;

	return addr->family ? addr_key(u->seed, addr)
			    : text_key(u->seed, naming_key(end_name(c, server)));
}

/* The same, and what else it may be known by. */
static size_t end_keys(
	const struct unify *u, const struct bh_talk *c, bool server, uint64_t ret[ENDS])
{
	const struct bh_addr *addr = server ? &c->server : &c->client;
	const char *name = end_name(c, server), *names[ALIASES];
	struct bh_addr addrs[ALIASES];
	size_t n = 0;

	ret[n++] = end_key(u, c, server);
	if (addr->family) {
		size_t m = naming_names(&u->names, addr, names, ALIASES);
		for (size_t i = 0; i < m; i++)
			ret[n++] = text_key(u->seed, naming_key(names[i]));
	} else if (name[0]) {
		size_t m = naming_addrs(&u->names, name, BH_NO_ADDR, addrs, ALIASES);
		for (size_t i = 0; m <= ALIASES && i < m; i++)
			ret[n++] = addr_key(u->seed, &addrs[i]);
	}
	return n;
}

#define ANY 1u
#define NO  2u

static uint64_t share_key(const struct unify *u, const struct bh_talk *c, uint32_t known)
{
	const char *name = bh_share_name(c->share);

	return known >> FIELD_SHARE & 1 ? text_key(u->seed, bh_span_of(name, strlen(name))) : NO;
}

static uint64_t user_key(const struct unify *u, const struct bh_talk *c, uint32_t known)
{
	if (!(known >> FIELD_USER & 1) || agree_nobody(c))
		return NO;
	return text_key(u->seed, agree_user(c->user));
}

/* ---- groups in ---- */

static void enter(struct index *x, uint64_t hash, uint32_t group)
{
	uint32_t *head = &x->buckets[hash & x->mask];

	x->v[x->n] = (struct entry){ .hash = hash, .group = group, .next = *head };
	*head = (uint32_t)++x->n;
}

void index_add(struct unify *u, uint32_t group)
{
	const struct group *g = &u->groups[group];
	uint64_t ends = mix(end_key(u, g->who, false), end_key(u, g->who, true));
	uint64_t share = share_key(u, g->who, g->known), user = user_key(u, g->who, g->known);

	enter(u->index, mix(mix(ends, share), user), group);
	enter(u->index, mix(mix(ends, share), ANY), group);
	enter(u->index, mix(mix(ends, ANY), user), group);
	enter(u->index, mix(mix(ends, ANY), ANY), group);
}

/* ---- groups out ---- */

static bool walk(struct unify *u, uint64_t hash, index_fn fn, void *ctx)
{
	const struct index *x = u->index;

	for (uint32_t i = x->buckets[hash & x->mask]; i; i = x->v[i - 1].next) {
		const struct entry *e = &x->v[i - 1];
		struct group *g = &u->groups[e->group];
		if (e->hash != hash || g->dead || g->seen == u->questions)
			continue;
		g->seen = u->questions;
		if (!fn(ctx, e->group))
			return false;
	}
	return true;
}

void index_find(struct unify *u, const struct cell *c, index_fn fn, void *ctx)
{
	uint64_t clients[ENDS], servers[ENDS];
	size_t n = end_keys(u, c->who, false, clients), m = end_keys(u, c->who, true, servers);
	uint64_t share = share_key(u, c->who, c->known), user = user_key(u, c->who, c->known);

	u->questions++;
	/* A group that knows no share is not asked about one: it is entered without. */
	if (share == NO)
		share = ANY;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < m; k++) {
			uint64_t h = mix(mix(clients[i], servers[k]), share);
			bool on = user == NO ? walk(u, mix(h, ANY), fn, ctx)
					     : walk(u, mix(h, user), fn, ctx) &&
						       walk(u, mix(h, NO), fn, ctx);
			if (!on)
				return;
		}
	}
}
