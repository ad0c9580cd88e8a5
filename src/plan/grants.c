#include <stdlib.h>

#include "plan/suggest.h"

/*
 * The clients of each server become a set; servers with equal client sets and the same
 * part to play become one grant, so that a grant never joins a client with a server that
 * it was not seen with.
 */

/* One server at one service, with the clients that may. */
struct door {
	struct hosts clients;
	uint64_t hash; /* of clients */
	uint32_t server;
	unsigned service;
	enum role role;
};

enum role suggest_role(const struct suggest *s, uint32_t host)
{
	unsigned shares = s->known.v[host].shares;

	return shares & SHARES_DOMAIN  ? DCS
	       : shares & SHARES_DISK  ? FILES
	       : shares & SHARES_PRINT ? PRINTERS
				       : SERVERS;
}

int suggest_hosts_compare(const struct hosts *x, const struct hosts *y)
{
	for (size_t i = 0; i < x->n && i < y->n; i++) {
		if (x->v[i] != y->v[i])
			return x->v[i] < y->v[i] ? -1 : 1;
	}
	return x->n != y->n ? (x->n < y->n ? -1 : 1) : 0;
}

bool suggest_hosts_hold(const struct hosts *h, uint32_t host)
{
	size_t lo = 0, hi = h->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (h->v[mid] == host)
			return true;
		if (h->v[mid] < host)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

static int by_number(const void *x, const void *y)
{
	const uint32_t *a = x, *b = y;

	return *a < *b ? -1 : *a > *b;
}

size_t suggest_hosts_distinct(uint32_t *v, size_t n)
{
	size_t m = 0;

	if (n)
		qsort(v, n, sizeof *v, by_number);
	for (size_t i = 0; i < n; i++) {
		if (!m || v[m - 1] != v[i])
			v[m++] = v[i];
	}
	return m;
}

static uint64_t hash_of(const struct hosts *h)
{
	uint64_t x = 0xcbf29ce484222325u;

	for (size_t i = 0; i < h->n; i++)
		x = (x ^ h->v[i]) * 0x100000001b3u;
	return x;
}

static size_t find_doors(struct suggest *s, struct door *doors)
{
	size_t n = s->pairs.n, found = 0;

	for (size_t i = 0, end; i < n; i = end) {
		const struct need *one = &s->needs[i];
		size_t good = 0;
		for (end = i; end < n && s->needs[end].p->server == one->p->server &&
			      s->needs[end].service == one->service;
			end++)
			good += s->needs[end].why == BH_LEFTS;
		uint32_t *clients = good ? bh_arena_array(s->a, good, sizeof *clients) : NULL;
		if (!clients)
			continue;
		struct door d = { .clients = { clients, good },
			.server = one->p->server,
			.service = one->service,
			.role = suggest_role(s, one->p->server) };
		for (size_t k = i, m = 0; k < end; k++) {
			if (s->needs[k].why == BH_LEFTS)
				clients[m++] = s->needs[k].p->client;
		}
		d.hash = hash_of(&d.clients);
		doors[found++] = d;
	}
	return found;
}

static int by_clients(const void *x, const void *y)
{
	const struct door *a = x, *b = y;

	if (a->service != b->service)
		return a->service < b->service ? -1 : 1;
	if (a->role != b->role)
		return a->role < b->role ? -1 : 1;
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return suggest_hosts_compare(&a->clients, &b->clients);
}

static int by_clients_and_server(const void *x, const void *y)
{
	const struct door *a = x, *b = y;
	int r = by_clients(x, y);

	return r ? r : a->server < b->server ? -1 : a->server > b->server;
}

/* A grant and the part its servers play. */
struct part {
	struct grant g;
	enum role role;
};

static int by_sets(const void *x, const void *y)
{
	const struct part *a = x, *b = y;
	int r = a->role != b->role ? (a->role < b->role ? -1 : 1) : 0;

	if (!r)
		r = suggest_hosts_compare(&a->g.servers, &b->g.servers);
	if (!r)
		r = suggest_hosts_compare(&a->g.clients, &b->g.clients);
	if (!r && a->g.services != b->g.services)
		r = a->g.services < b->g.services ? -1 : 1;
	return r;
}

static bool one_grant(const struct grant *a, const struct grant *b)
{
	return !suggest_hosts_compare(&a->servers, &b->servers) &&
	       !suggest_hosts_compare(&a->clients, &b->clients);
}

static struct part part_of(struct suggest *s, const struct door *d, size_t n)
{
	uint32_t *servers = bh_arena_array(s->a, n, sizeof *servers);
	struct part p = { .role = d->role };

	for (size_t i = 0; servers && i < n; i++)
		servers[i] = d[i].server;
	p.g.services = d->service;
	p.g.clients = d->clients;
	p.g.servers = (struct hosts){ servers, servers ? n : 0 };
	return p;
}

int suggest_grants(struct suggest *s)
{
	struct door *doors = bh_arena_array(s->a, s->pairs.n + 1, sizeof *doors);
	size_t n = doors ? find_doors(s, doors) : 0, parts = 0;
	struct part *v = bh_arena_array(s->a, n + 1, sizeof *v);
	struct grant *grants = bh_arena_array(s->a, n + 1, sizeof *grants);

	if (!v || !grants)
		return -ENOMEM;
	if (n)
		qsort(doors, n, sizeof *doors, by_clients_and_server);
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && !by_clients(&doors[i], &doors[end]);)
			end++;
		v[parts++] = part_of(s, doors + i, end - i);
	}
	if (parts)
		qsort(v, parts, sizeof *v, by_sets);
	/* The same clients at the same servers over several services: one grant. */
	for (size_t i = 0; i < parts; i++) {
		struct grant *last = s->n_grants ? &grants[s->n_grants - 1] : NULL;
		if (last && one_grant(last, &v[i].g))
			last->services |= v[i].g.services;
		else
			grants[s->n_grants++] = v[i].g;
	}
	s->grants = grants;
	return bh_arena_ok(s->a) ? 0 : -ENOMEM;
}
