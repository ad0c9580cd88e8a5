#include <stdlib.h>
#include <strings.h>

#include "plan/known.h"

/*
 * A host that serves and never uses SMB itself is a server: workstations use it all the
 * time.  That holds only as far as one sees: where both families are in use, the address
 * over which a workstation is a client may be its other one.  So there, a host that
 * served few needs a witness: a name it shares with a server, or servers for neighbours.
 */

/* ---- one machine, several addresses -------------------------------------------------- */

/* What an address was called, or called itself: the first label of the name. */
struct alias {
	const char *name;
	size_t len;
	struct known_host *host;
};

static int by_name(const void *x, const void *y)
{
	const struct alias *a = x, *b = y;
	int r = strncasecmp(a->name, b->name, bh_min_size(a->len, b->len));

	if (!r && a->len != b->len)
		r = a->len < b->len ? -1 : 1;
	return r;
}

static void add_alias(struct alias *v, size_t *n, const char *name, struct known_host *h)
{
	struct bh_addr literal;
	struct alias *last = *n ? &v[*n - 1] : NULL;
	struct alias one = { .name = name, .len = strcspn(name, "."), .host = h };

	if (!h || !one.len || !bh_addr_parse(name, strlen(name), &literal))
		return;
	if (!last || last->host != h || by_name(last, &one))
		v[(*n)++] = one;
}

static size_t collect_names(
	struct known *k, const struct bh_row *const *pairs, size_t n, struct alias *v)
{
	size_t m = 0;

	for (size_t i = 0; i < n; i++) {
		const struct bh_talk *c = &pairs[i]->who;
		if (c->known & BH_KNOWN_SERVER_NAME)
			add_alias(v, &m, c->server_name, known_find(k, &c->server));
		if (c->known & BH_KNOWN_WORKSTATION)
			add_alias(v, &m, c->workstation, known_find(k, &c->client));
	}
	if (m)
		qsort(v, m, sizeof *v, by_name);
	return m;
}

static bool strong(const struct known_host *h)
{
	return h->shared_to >= BH_SERVER_CLIENTS;
}

/* v[0..n): the addresses of one name.  A client over one address is one over all.  Two
 * that both only ever served vouch for each other, and one that served many for all. */
static void join_name(const struct alias *v, size_t n)
{
	bool client = false, many = false, several = false;

	for (size_t i = 0; i < n; i++) {
		const struct known_host *h = v[i].host;
		client |= h->client;
		many |= h->served && strong(h);
		several |= h->served && v[0].host->served && h != v[0].host;
	}
	for (size_t i = 0; i < n; i++) {
		v[i].host->client |= client;
		v[i].host->vouched |= many || (several && !client);
	}
}

/* ---- neighbours ---------------------------------------------------------------------- */

/* Hosts of one link where this machine knows it (that ties an IPv6 prefix to its IPv4
 * one), else of one /24 or /64. */
struct neighbour {
	struct known_host *host;
	uint32_t link; /* interface, from 1; 0: not known */
};

/* Every link has the same link-local addresses: they tell nothing of a link. */
static bool link_local(const struct bh_addr *a)
{
	return a->family == BH_V4 ? a->num >> 16 == 0xa9fe : a->num >> 118 == (0xfe80u >> 6);
}

static uint32_t link_of(const struct bh_told *told, const struct bh_addr *a)
{
	for (size_t i = 0; told && !link_local(a) && i < told->n_ifaces; i++) {
		if (bh_addrset_contains(&told->ifaces[i].onlink, a))
			return (uint32_t)i + 1;
	}
	return 0;
}

static int by_link(const void *x, const void *y)
{
	const struct neighbour *a = x, *b = y;

	if (a->link != b->link)
		return a->link < b->link ? -1 : 1;
	return bh_addr_compare(&a->host->addr, &b->host->addr);
}

static bool one_network(const struct neighbour *a, const struct neighbour *b)
{
	const struct bh_addr *x = &a->host->addr, *y = &b->host->addr;
	unsigned rest = x->family == BH_V4 ? 8 : 64;

	if (a->link || b->link)
		return a->link == b->link;
	return x->family == y->family && x->num >> rest == y->num >> rest;
}

/* v[0..n): one network.  Where a server of many stands and no workstation, the others
 * that only serve are servers too. */
static void join_network(const struct neighbour *v, size_t n)
{
	bool many = false, station = false;

	for (size_t i = 0; i < n; i++) {
		many |= v[i].host->served && strong(v[i].host);
		station |= v[i].host->client && !strong(v[i].host);
	}
	for (size_t i = 0; many && !station && i < n; i++)
		v[i].host->vouched = true;
}

/* v[0..n): one link.  Where all that serve over one family are workstations, so are
 * those that serve over the other: they are the same machines. */
static void join_families(const struct neighbour *v, size_t n)
{
	bool station[2] = { false }, server[2] = { false };

	for (size_t i = 0; i < n; i++) {
		const struct known_host *h = v[i].host;
		unsigned f = h->addr.family == BH_V6;
		station[f] |= h->served && h->client && !strong(h);
		server[f] |= h->served && (!h->client || strong(h));
	}
	for (size_t i = 0; i < n; i++) {
		unsigned other = v[i].host->addr.family != BH_V6;
		v[i].host->station = station[other] && !server[other];
	}
}

static void join_networks(struct known *k, const struct bh_told *told, struct neighbour *v)
{
	for (size_t i = 0; i < k->n; i++)
		v[i] = (struct neighbour){ &k->v[i], link_of(told, &k->v[i].addr) };
	if (k->n)
		qsort(v, k->n, sizeof *v, by_link);
	for (size_t i = 0, end; i < k->n; i = end) {
		for (end = i + 1; end < k->n && one_network(&v[i], &v[end]);)
			end++;
		join_network(v + i, end - i);
		if (v[i].link)
			join_families(v + i, end - i);
	}
}

static bool both_families(const struct known *k, const struct bh_told *told)
{
	bool v4 = false, v6 = false;

	for (size_t i = 0; i < k->n; i++) {
		const struct known_host *h = &k->v[i];
		if ((!h->client && !h->served) ||
			!bh_plan_inside(&h->addr, told ? told->own : NULL))
			continue;
		v4 |= h->addr.family == BH_V4;
		v6 |= h->addr.family == BH_V6;
	}
	return v4 && v6;
}

static void decide(struct known_host *h, bool both, const struct bh_told *told)
{
	bool only_serves = h->served && !h->client;
	bool witness = !both || h->vouched || h->shares & SHARES_DOMAIN;

	h->server = h->served && (strong(h) || (only_serves && witness));
	if (told && told->servers && bh_addrset_contains(told->servers, &h->addr))
		h->server = true;
	h->unsure = only_serves && !h->server && !h->station;
}

int known_roles(struct known *k, const struct bh_row *const *pairs, size_t n,
	const struct bh_told *told, struct bh_arena *a)
{
	struct alias *v = bh_arena_array(a, 2 * n + 1, sizeof *v);
	struct neighbour *near = bh_arena_array(a, k->n + 1, sizeof *near);

	if (!v || !near)
		return -ENOMEM;
	size_t m = collect_names(k, pairs, n, v);
	for (size_t i = 0, end; i < m; i = end) {
		for (end = i + 1; end < m && !by_name(&v[i], &v[end]);)
			end++;
		join_name(v + i, end - i);
	}
	join_networks(k, told, near);
	bool both = both_families(k, told);
	for (size_t i = 0; i < k->n; i++)
		decide(&k->v[i], both, told);
	return 0;
}
