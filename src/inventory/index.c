/*
 * A keyed hash from (client, server, share, user) to the groups of one pair.  A group is
 * entered four times, with and without its share and with and without its user, so that a
 * cell that does not know one of them asks once.  An end that all have by one address is
 * no question.
 */
#include "inventory/key.h"
#include "inventory/unify.h"

enum {
	VARIANTS = 4,
	/* Other names or addresses of one end that are asked for, too. */
	ALIASES = 8,
	ENDS = ALIASES + 1,
};

struct entry {
	struct entry *next;
	uint64_t hash;
	uint32_t group;
};

struct index {
	struct entry **buckets;
	uint64_t mask;
};

int index_new(struct unify *u)
{
	struct index *x = bh_arena_alloc(&u->scratch, sizeof *x);
	size_t buckets = 16;

	while (buckets < u->n_cells * VARIANTS)
		buckets *= 2;
	if (!x)
		return -ENOMEM;
	x->mask = buckets - 1;
	x->buckets = bh_arena_array(&u->scratch, buckets, sizeof *x->buckets);
	if (!x->buckets)
		return -ENOMEM;
	u->index = x;
	return 0;
}

/* ---- keys ---- */

static const char *end_name(const struct bh_talk *c, bool server)
{
	uint8_t bit = server ? BH_KNOWN_SERVER_NAME : BH_KNOWN_WORKSTATION;

	return !(c->known & bit) ? "" : server ? c->server_name : c->workstation;
}

/* What an end is known by: its address, else its name. */
static uint64_t end_key(const struct unify *u, const struct bh_talk *c, bool server)
{
	const struct bh_addr *addr = server ? &c->server : &c->client;

	if (server ? u->one_server : u->one_client)
		return 0;
	return addr->family ? key_addr(u->w->seed, addr)
			    : key_text(u->w->seed, naming_key(end_name(c, server)));
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
	if (server ? u->one_server : u->one_client)
		return n;
	if (addr->family) {
		size_t m = naming_names(&u->names, addr, names, ALIASES);
		for (size_t i = 0; i < m; i++)
			ret[n++] = key_text(u->w->seed, naming_key(names[i]));
	} else if (name[0]) {
		size_t m = naming_addrs(&u->names, name, BH_NO_ADDR, addrs, ALIASES);
		for (size_t i = 0; m <= ALIASES && i < m; i++)
			ret[n++] = key_addr(u->w->seed, &addrs[i]);
	}
	return n;
}

#define ANY 1u
#define NO  2u

static uint64_t share_key(const struct unify *u, const struct bh_talk *c, uint32_t known)
{
	const char *name = bh_share_name(c->share);

	return known >> FIELD_SHARE & 1 ? key_text(u->w->seed, bh_span_of(name, strlen(name))) : NO;
}

static uint64_t user_key(const struct unify *u, const struct bh_talk *c, uint32_t known)
{
	if (!(known >> FIELD_USER & 1) || agree_nobody(c))
		return NO;
	return key_text(u->w->seed, agree_user(c->user));
}

/* ---- groups in ---- */

static int enter(struct unify *u, uint64_t hash, const struct group *g)
{
	struct entry **head = &u->index->buckets[hash & u->index->mask];
	struct entry *e = bh_arena_alloc(&u->scratch, sizeof *e);

	if (!e)
		return -ENOMEM;
	*e = (struct entry){ *head, hash, (uint32_t)(g - u->groups) };
	*head = e;
	return 0;
}

int index_add(struct unify *u, const struct group *g)
{
	uint64_t ends = key_mix(end_key(u, g->who, false), end_key(u, g->who, true));
	uint64_t share = share_key(u, g->who, g->known), user = user_key(u, g->who, g->known);
	int r = enter(u, key_mix(key_mix(ends, share), user), g);

	if (!r)
		r = enter(u, key_mix(key_mix(ends, share), ANY), g);
	if (!r)
		r = enter(u, key_mix(key_mix(ends, ANY), user), g);
	return r ? r : enter(u, key_mix(key_mix(ends, ANY), ANY), g);
}

/* ---- groups out ---- */

static bool walk(struct unify *u, uint64_t hash, index_fn fn, void *ctx)
{
	for (const struct entry *e = u->index->buckets[hash & u->index->mask]; e; e = e->next) {
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
			uint64_t h = key_mix(key_mix(clients[i], servers[k]), share);
			bool on = user == NO ? walk(u, key_mix(h, ANY), fn, ctx)
					     : walk(u, key_mix(h, user), fn, ctx) &&
						       walk(u, key_mix(h, NO), fn, ctx);
			if (!on)
				return;
		}
	}
}
