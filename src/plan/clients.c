#include <stdlib.h>

#include "plan/suggest.h"

/*
 * Clients are written as addresses; many of one /24 or /64 become that network.  Whom a
 * network would let in although he was left out is excepted by name; with a budget, where
 * the surface counts, every known host is that has no part in it.
 */

#define MANY 8u

bool suggest_may_widen(const struct suggest *s, uint8_t family, bh_u128 lo, bh_u128 hi)
{
	struct bh_addr at = { .num = lo, .family = family };

	if (known_link_local(&at))
		return false;
	if (bh_plan_inside(&at, NULL))
		return true;
	struct bh_ranges own =
		s->o->told.own ? bh_addrset_of(s->o->told.own, family) : (struct bh_ranges){ 0 };
	for (size_t i = 0; i < own.n; i++) {
		if (own.v[i].lo <= lo && hi <= own.v[i].hi)
			return true;
	}
	return false;
}

/* The /24 or /64 about an address. */
static struct bh_range network_of(const struct bh_addr *a)
{
	unsigned rest = a->family == BH_V4 ? 8 : 64;
	bh_u128 lo = a->num >> rest << rest;

	return (struct bh_range){ lo, lo | (((bh_u128)1 << rest) - 1) };
}

/* Who was seen at these servers and left out. */
static struct hosts left_out(const struct suggest *s, const struct grant *g)
{
	size_t all = 0, n = 0;

	for (size_t i = 0; i < g->servers.n; i++)
		all += s->first[g->servers.v[i] + 1] - s->first[g->servers.v[i]];
	uint32_t *v = bh_arena_array(s->a, all + 1, sizeof *v);
	for (size_t i = 0; v && i < g->servers.n; i++) {
		uint32_t server = g->servers.v[i];
		for (uint32_t k = s->first[server]; k < s->first[server + 1]; k++) {
			const struct need *one = &s->needs[k];
			if (one->why != BH_LEFTS && one->service & g->services &&
				!suggest_hosts_hold(&g->clients, one->p->client))
				v[n++] = one->p->client;
		}
	}
	return (struct hosts){ v, v ? suggest_hosts_distinct(v, n) : 0 };
}

/* Every other host that is known in the networks of the clients. */
static struct hosts all_others(const struct suggest *s, const struct grant *g)
{
	uint32_t *v = bh_arena_array(s->a, s->known.n + 1, sizeof *v);
	size_t n = 0, at = 0;

	for (uint32_t h = 0; v && h < s->known.n; h++) {
		while (at < g->clients.n && g->clients.v[at] < h)
			at++;
		if (at == g->clients.n || g->clients.v[at] != h)
			v[n++] = h;
	}
	return (struct hosts){ v, n };
}

struct gather {
	struct suggest *s;
	struct bh_range *in[2], *out[2]; /* IPv4, IPv6 */
	size_t n_in[2], n_out[2];
	struct bh_suggested_set *set;
};

static void put_in(struct gather *g, unsigned f, struct bh_range r)
{
	g->in[f][g->n_in[f]++] = r;
}

/* clients[0..n) are all of one /24 or /64, others[0..n_others) too. */
static void gather_network(struct gather *g, const uint32_t *clients, size_t n,
	const uint32_t *others, size_t n_others)
{
	const struct bh_suggest_options *o = g->s->o;
	const struct bh_addr *first = &g->s->known.v[clients[0]].addr;
	struct bh_range net = network_of(first);
	unsigned f = first->family == BH_V6, many = o->many ? o->many : MANY;
	bool widen = n >= many && n > n_others && (o->many || !o->budget) &&
		     suggest_may_widen(g->s, first->family, net.lo, net.hi);

	for (size_t i = 0; !widen && i < n; i++) {
		bh_u128 num = g->s->known.v[clients[i]].addr.num;
		put_in(g, f, (struct bh_range){ num, num });
	}
	if (!widen)
		return;
	put_in(g, f, net);
	g->set->network |= net.hi - net.lo >= n;
	for (size_t i = 0; i < n_others; i++) {
		bh_u128 num = g->s->known.v[others[i]].addr.num;
		g->out[f][g->n_out[f]++] = (struct bh_range){ num, num };
	}
}

static bool before(const struct bh_addr *x, const struct bh_addr *y)
{
	struct bh_range a = network_of(x), b = network_of(y);

	return x->family != y->family ? x->family < y->family : a.lo < b.lo;
}

static void gather_all(struct gather *g, const struct hosts *clients, const struct hosts *others)
{
	const struct known_host *v = g->s->known.v;

	for (size_t i = 0, k = 0, end, last; i < clients->n; i = end, k = last) {
		const struct bh_addr *at = &v[clients->v[i]].addr;
		for (end = i + 1; end < clients->n && !before(at, &v[clients->v[end]].addr);)
			end++;
		while (k < others->n && before(&v[others->v[k]].addr, at))
			k++;
		for (last = k; last < others->n && !before(at, &v[others->v[last]].addr);)
			last++;
		gather_network(g, clients->v + i, end - i, others->v + k, last - k);
	}
}

void suggest_clients(struct suggest *s, const struct grant *grant, struct bh_suggested_set *ret)
{
	struct hosts others = s->o->budget ? all_others(s, grant) : left_out(s, grant);
	struct gather g = { .s = s, .set = ret };

	for (unsigned f = 0; f < 2; f++) {
		g.in[f] = bh_arena_array(s->a, grant->clients.n + 1, sizeof *g.in[f]);
		g.out[f] = bh_arena_array(s->a, others.n + 1, sizeof *g.out[f]);
	}
	if (!bh_arena_ok(s->a))
		return;
	gather_all(&g, &grant->clients, &others);
	ret->addrs.v4 = bh_ranges_from(s->a, g.in[0], g.n_in[0]);
	ret->addrs.v6 = bh_ranges_from(s->a, g.in[1], g.n_in[1]);
	ret->except.v4 = bh_ranges_from(s->a, g.out[0], g.n_out[0]);
	ret->except.v6 = bh_ranges_from(s->a, g.out[1], g.n_out[1]);
}
