#include <stdlib.h>

#include "plan/spans.h"
#include "plan/suggest.h"

/*
 * What the sentences admit among the hosts that are known, pair by pair, and of it what
 * nobody was seen to use: the price of networks and of few rules.
 */

struct admitted {
	struct suggest *s;
	struct bh_arena own; /* for the while */
	struct spans *from; /* by rule */
	struct spans all; /* of one server */
	size_t listed;
};

static int list_clients(struct admitted *ad)
{
	const struct bh_suggestion *out = &ad->s->out;

	ad->from = bh_arena_array(&ad->own, out->n_rules + 1, sizeof *ad->from);
	for (size_t i = 0; ad->from && i < out->n_rules; i++) {
		const struct bh_suggested_set *from = out->rules[i].from;
		struct bh_addrset set = bh_addrset_subtract(&ad->own, from->addrs, from->except);
		for (int f = BH_V4; f <= BH_V6; f += BH_V6 - BH_V4)
			spans_push_ranges(&ad->from[i], &ad->own, &ad->s->known, (uint8_t)f,
				bh_addrset_of(&set, (uint8_t)f));
	}
	return bh_arena_ok(&ad->own) ? 0 : -ENOMEM;
}

/* The distinct clients that need that server, in v, which has room. */
static size_t needed(const struct suggest *s, uint32_t server, uint32_t *v)
{
	size_t n = 0;

	for (uint32_t i = s->first[server]; i < s->first[server + 1]; i++) {
		if (s->needs[i].why == BH_LEFTS)
			v[n++] = s->needs[i].p->client;
	}
	return suggest_hosts_distinct(v, n);
}

#define LISTED 1000000u /* addresses, in all: more than anybody reads */

/* ad->all less the server itself and need[0..n). */
static void unused(
	struct admitted *ad, uint32_t server, const uint32_t *need, size_t n, struct bh_unused *ret)
{
	const struct known_host *v = ad->s->known.v;
	struct bh_range *r = NULL;
	size_t at = 0, m = 0;
	uint64_t pairs = spans_count(&ad->all);

	if (pairs <= LISTED - ad->listed)
		r = bh_arena_array(ad->s->a, pairs + 1, sizeof *r);
	pairs = 0;
	for (size_t i = 0; i < ad->all.n; i++) {
		for (uint32_t h = ad->all.v[i].lo; h < ad->all.v[i].hi; h++) {
			while (at < n && need[at] < h)
				at++;
			if (h == server || (at < n && need[at] == h) ||
				v[h].addr.family != v[server].addr.family)
				continue;
			pairs++;
			if (r)
				r[m++] = (struct bh_range){ v[h].addr.num, v[h].addr.num };
		}
	}
	ad->listed += m;
	struct bh_ranges clients = bh_ranges_from(ad->s->a, r, m);
	*ret = (struct bh_unused){ .server = v[server].addr, .pairs = pairs };
	if (v[server].addr.family == BH_V4)
		ret->clients.v4 = clients;
	else
		ret->clients.v6 = clients;
}

static int by_pairs(const void *x, const void *y)
{
	const struct bh_unused *a = x, *b = y;

	if (a->pairs != b->pairs)
		return a->pairs > b->pairs ? -1 : 1;
	return bh_addr_compare(&a->server, &b->server);
}

/* The rules of each server, in the order of servers. */
struct entry {
	uint32_t server, rule;
};

static int by_server(const void *x, const void *y)
{
	const struct entry *a = x, *b = y;

	if (a->server != b->server)
		return a->server < b->server ? -1 : 1;
	return a->rule < b->rule ? -1 : a->rule > b->rule;
}

static int count(struct admitted *ad, const struct entry *v, size_t n)
{
	struct suggest *s = ad->s;
	struct bh_unused *list = bh_arena_array(s->a, n + 1, sizeof *list);
	uint32_t *need = bh_arena_array(&ad->own, s->pairs.n + 1, sizeof *need);

	if (!list || !need)
		return -ENOMEM;
	for (size_t i = 0, end; i < n; i = end) {
		uint32_t server = v[i].server;
		ad->all.n = 0;
		for (end = i; end < n && v[end].server == server; end++) {
			spans_push_all(&ad->all, &ad->own, &ad->from[v[end].rule]);
		}
		spans_join(&ad->all);
		size_t m = needed(s, server, need);
		struct bh_unused *one = &list[s->out.n_unused];
		unused(ad, server, need, m, one);
		s->out.needed += m;
		s->out.surface += m + one->pairs;
		s->out.n_unused += one->pairs > 0;
	}
	if (s->out.n_unused)
		qsort(list, s->out.n_unused, sizeof *list, by_pairs);
	s->out.unused = list;
	return bh_arena_ok(&ad->own) && bh_arena_ok(s->a) ? 0 : -ENOMEM;
}

int suggest_admitted(struct suggest *s)
{
	struct admitted ad = { .s = s };
	size_t all = 0, n = 0;
	int r = 0;

	for (size_t g = 0; g < s->n_grants; g++)
		all += s->grants[g].servers.n;
	struct entry *v = bh_arena_array(&ad.own, all + 1, sizeof *v);
	for (size_t g = 0; v && g < s->n_grants; g++) {
		for (size_t i = 0; i < s->grants[g].servers.n; i++)
			v[n++] = (struct entry){ s->grants[g].servers.v[i], (uint32_t)g };
	}
	if (!v)
		r = -ENOMEM;
	else if (n)
		qsort(v, n, sizeof *v, by_server);
	if (!r)
		r = list_clients(&ad);
	if (!r)
		r = count(&ad, v, n);
	bh_arena_reset(&ad.own);
	return r;
}
