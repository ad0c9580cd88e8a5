#include <stdlib.h>

#include "plan/cover.h"
#include "plan/merge.h"
#include "plan/suggest.h"

/*
 * The smallest surface that so many rules can have.  Clients that need the same of the
 * same servers are one class, and so are servers that the same clients need; then a rule
 * is a rectangle of classes.  Few classes are searched to the end (cover.c), many are
 * joined step by step (merge.c).
 */

/* A client needs a server: over all ports together. */
struct edge {
	uint32_t client, server, services;
};

struct side {
	uint32_t *class_of; /* by host */
	uint32_t *first; /* by class: one of its hosts */
	size_t n;
};

struct budget {
	struct suggest *s;
	struct bh_arena *own; /* for the while */
	struct edge *edges; /* by server, then client */
	size_t n_edges;
	struct side clients, servers;
};

static int by_server(const void *x, const void *y)
{
	const struct edge *a = x, *b = y;

	if (a->server != b->server)
		return a->server < b->server ? -1 : 1;
	return a->client != b->client ? (a->client < b->client ? -1 : 1) : 0;
}

static int by_client(const void *x, const void *y)
{
	const struct edge *a = x, *b = y;

	if (a->client != b->client)
		return a->client < b->client ? -1 : 1;
	return a->server != b->server ? (a->server < b->server ? -1 : 1) : 0;
}

static int find_edges(struct budget *b)
{
	struct suggest *s = b->s;
	size_t n = 0, m = 0;
	struct edge *v = bh_arena_array(b->own, s->out.pairs + 1, sizeof *v);

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < s->pairs.n; i++) {
		const struct need *one = &s->needs[i];
		if (one->why == BH_LEFTS)
			v[n++] = (struct edge){ one->p->client, one->p->server, one->service };
	}
	if (n)
		qsort(v, n, sizeof *v, by_server);
	for (size_t i = 0; i < n; i++) {
		if (m && !by_server(&v[m - 1], &v[i]))
			v[m - 1].services |= v[i].services;
		else
			v[m++] = v[i];
	}
	b->edges = v;
	b->n_edges = m;
	return 0;
}

/* ---- classes ---------------------------------------------------------------------------- */

/* One host's edges, sorted by the other end. */
struct bundle {
	const struct edge *v;
	size_t n;
	uint32_t host;
	bool server; /* the host is */
	uint64_t hash;
};

static uint32_t other(const struct bundle *b, size_t i)
{
	return b->server ? b->v[i].client : b->v[i].server;
}

static int same_bundle(const struct bundle *a, const struct bundle *b)
{
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	for (size_t i = 0; i < a->n; i++) {
		if (other(a, i) != other(b, i))
			return other(a, i) < other(b, i) ? -1 : 1;
		if (a->v[i].services != b->v[i].services)
			return a->v[i].services < b->v[i].services ? -1 : 1;
	}
	return 0;
}

static int by_bundle(const void *x, const void *y)
{
	const struct bundle *a = x, *b = y;
	int r = same_bundle(a, b);

	return r ? r : a->host < b->host ? -1 : a->host > b->host;
}

static int by_host(const void *x, const void *y)
{
	const struct bundle *const *a = x, *const *b = y;

	return (*a)->host < (*b)->host ? -1 : (*a)->host > (*b)->host;
}

/* edges[0..n): sorted by the side that is asked for. */
static size_t bundles_of(const struct edge *edges, size_t n, bool server, struct bundle *ret)
{
	size_t found = 0;

	for (size_t i = 0, end; i < n; i = end) {
		uint32_t host = server ? edges[i].server : edges[i].client;
		struct bundle one = { .v = edges + i, .host = host, .server = server };
		for (end = i; end < n && (server ? edges[end].server : edges[end].client) == host;)
			end++;
		one.n = end - i;
		for (size_t k = 0; k < one.n; k++) {
			one.hash = (one.hash ^ other(&one, k)) * 0x100000001b3u;
			one.hash = (one.hash ^ one.v[k].services) * 0x100000001b3u;
		}
		ret[found++] = one;
	}
	return found;
}

/* Classes are numbered by their first host. */
static int find_classes(struct budget *b, const struct edge *edges, bool server, struct side *ret)
{
	struct bundle *v = bh_arena_array(b->own, b->n_edges + 1, sizeof *v);
	size_t n = v ? bundles_of(edges, b->n_edges, server, v) : 0, classes = 0;
	const struct bundle **firsts = bh_arena_array(b->own, n + 1, sizeof *firsts);
	struct side side = {
		.class_of = bh_arena_array(b->own, b->s->known.n + 1, sizeof *side.class_of),
		.first = bh_arena_array(b->own, n + 1, sizeof *side.first),
	};

	if (!v || !firsts || !side.class_of || !side.first)
		return -ENOMEM;
	if (n)
		qsort(v, n, sizeof *v, by_bundle);
	for (size_t i = 0; i < n; i++) {
		if (!i || same_bundle(&v[i - 1], &v[i]))
			firsts[classes++] = &v[i];
	}
	if (classes)
		qsort(firsts, classes, sizeof *firsts, by_host);
	for (size_t c = 0; c < classes; c++) {
		side.first[c] = firsts[c]->host;
		for (const struct bundle *one = firsts[c]; one < v + n; one++) {
			if (same_bundle(firsts[c], one))
				break;
			side.class_of[one->host] = (uint32_t)c;
		}
	}
	side.n = classes;
	*ret = side;
	return 0;
}

static int find_sides(struct budget *b)
{
	struct edge *turned = bh_arena_copy(b->own, b->edges, (b->n_edges + 1) * sizeof *b->edges);
	int r = turned ? find_classes(b, b->edges, true, &b->servers) : -ENOMEM;

	if (r)
		return r;
	if (b->n_edges)
		qsort(turned, b->n_edges, sizeof *turned, by_client);
	return find_classes(b, turned, false, &b->clients);
}

/* ---- from rectangles to grants ------------------------------------------------------------ */

/* Which classes a rectangle holds, a flag for each. */
struct rect {
	bool *clients, *servers;
};

/* The members of the chosen classes, of the hosts that are an end of some edge. */
static struct hosts members(
	struct budget *b, const struct side *side, const bool *chosen, bool server)
{
	uint32_t *v = bh_arena_array(b->s->a, b->n_edges + 1, sizeof *v);
	size_t n = 0;

	for (size_t i = 0; v && i < b->n_edges; i++) {
		uint32_t host = server ? b->edges[i].server : b->edges[i].client;
		if (chosen[side->class_of[host]])
			v[n++] = host;
	}
	return (struct hosts){ v, v ? suggest_hosts_distinct(v, n) : 0 };
}

static int by_servers(const void *x, const void *y)
{
	const struct grant *a = x, *b = y;
	int r = suggest_hosts_compare(&a->servers, &b->servers);

	return r ? r : suggest_hosts_compare(&a->clients, &b->clients);
}

/* What is needed goes to the first rectangle that holds it: that one gets its services. */
static int make_grants(struct budget *b, const struct rect *rects, size_t n)
{
	struct grant *v = bh_arena_array(b->s->a, n + 1, sizeof *v);

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		v[i].clients = members(b, &b->clients, rects[i].clients, false);
		v[i].servers = members(b, &b->servers, rects[i].servers, true);
	}
	for (size_t e = 0; e < b->n_edges; e++) {
		const struct edge *one = &b->edges[e];
		for (size_t i = 0; i < n; i++) {
			if (rects[i].clients[b->clients.class_of[one->client]] &&
				rects[i].servers[b->servers.class_of[one->server]]) {
				v[i].services |= one->services;
				break;
			}
		}
	}
	qsort(v, n, sizeof *v, by_servers);
	b->s->grants = v;
	b->s->n_grants = n;
	return bh_arena_ok(b->s->a) ? 0 : -ENOMEM;
}

static int new_rects(struct budget *b, size_t n, struct rect **ret)
{
	struct rect *v = bh_arena_array(b->own, n + 1, sizeof *v);

	for (size_t i = 0; v && i < n; i++) {
		v[i].clients = bh_arena_array(b->own, b->clients.n + 1, sizeof(bool));
		v[i].servers = bh_arena_array(b->own, b->servers.n + 1, sizeof(bool));
	}
	if (!bh_arena_ok(b->own))
		return -ENOMEM;
	*ret = v;
	return 0;
}

/* ---- few classes ---------------------------------------------------------------------------- */

static void weigh(struct budget *b, struct cover_problem *p)
{
	const struct known_host *hosts = b->s->known.v;
	uint64_t clients[COVER_SIDE] = { 0 }, servers[COVER_SIDE] = { 0 };
	uint64_t both[COVER_SIDE][COVER_SIDE] = { 0 };
	bool *client = bh_arena_array(b->own, b->s->known.n + 1, sizeof *client);
	bool *server = bh_arena_array(b->own, b->s->known.n + 1, sizeof *server);

	for (size_t i = 0; client && server && i < b->n_edges; i++) {
		const struct edge *e = &b->edges[i];
		uint32_t row = b->clients.class_of[e->client], col = b->servers.class_of[e->server];
		p->need[row] |= (uint64_t)1 << col;
		client[e->client] = server[e->server] = true;
	}
	for (size_t h = 0; client && server && h < b->s->known.n; h++) {
		clients[b->clients.class_of[h]] += client[h];
		servers[b->servers.class_of[h]] += server[h];
		/* Nobody is a pair with himself. */
		if (client[h] && server[h])
			both[b->clients.class_of[h]][b->servers.class_of[h]]++;
	}
	for (size_t row = 0; row < b->clients.n; row++) {
		for (size_t col = 0; col < b->servers.n; col++) {
			if (hosts[b->clients.first[row]].addr.family ==
				hosts[b->servers.first[col]].addr.family)
				p->weight[row][col] = clients[row] * servers[col] - both[row][col];
		}
	}
	p->n_rows = (unsigned)b->clients.n;
	p->n_cols = (unsigned)b->servers.n;
}

static int few(struct budget *b)
{
	struct cover_problem *p = bh_arena_alloc(b->own, sizeof *p);
	struct bh_suggestion *out = &b->s->out;
	struct cover c, more;
	struct rect *rects;
	int r = p ? 0 : -ENOMEM;

	if (!r)
		weigh(b, p);
	if (!r)
		r = cover_find(p, b->s->o->budget, NULL, b->own, &c);
	if (!r)
		r = cover_find(p, b->s->o->budget + 1, &c, b->own, &more);
	if (!r)
		r = new_rects(b, c.n, &rects);
	if (r)
		return r;
	out->smallest = c.proven;
	out->one_more = more.weight;
	for (size_t i = 0; i < c.n; i++) {
		for (size_t row = 0; row < b->clients.n; row++)
			rects[i].clients[row] = c.v[i].rows >> row & 1;
		for (size_t col = 0; col < b->servers.n; col++)
			rects[i].servers[col] = c.v[i].cols >> col & 1;
	}
	return make_grants(b, rects, c.n);
}

/* ---- many classes ---------------------------------------------------------------------------- */

/* The hosts of one side, numbered in their order; *split: how many are of IPv4. */
static uint32_t *ranks_of(struct budget *b, bool server, size_t *n, size_t *split)
{
	const struct known *k = &b->s->known;
	uint32_t *rank = bh_arena_array(b->own, k->n + 1, sizeof *rank);

	for (size_t i = 0; rank && i < b->n_edges; i++)
		rank[server ? b->edges[i].server : b->edges[i].client] = 1;
	*n = *split = 0;
	for (size_t h = 0; rank && h < k->n; h++) {
		if (!rank[h])
			continue;
		rank[h] = (uint32_t)(*n)++;
		*split += k->v[h].addr.family == BH_V4;
	}
	return rank;
}

/* Items are the classes of one side, their bits the hosts of the other. */
static int items_of(struct budget *b, bool server, struct merge *ret)
{
	const struct known_host *hosts = b->s->known.v;
	const struct side *side = server ? &b->servers : &b->clients;
	struct merge m = { .n = side->n };
	uint32_t *rank = ranks_of(b, !server, &m.n_hosts, &m.split);
	bool *seen = bh_arena_array(b->own, b->s->known.n + 1, sizeof *seen);

	if (!rank || !seen || merge_new(&m, b->own))
		return -ENOMEM;
	for (size_t i = 0; i < b->n_edges; i++) {
		uint32_t mine = server ? b->edges[i].server : b->edges[i].client;
		uint32_t theirs = server ? b->edges[i].client : b->edges[i].server;
		uint32_t class = side->class_of[mine];
		merge_add(&m, class, rank[theirs]);
		m.items[class].members[hosts[mine].addr.family == BH_V6] += !seen[mine];
		seen[mine] = true;
	}
	*ret = m;
	return 0;
}

/* The rectangles of a partition of one side: on the other stand all that some member of
 * the part needs. */
static int partition(struct budget *b, const struct merge *m, bool server, struct rect **ret)
{
	int r = new_rects(b, m->left, ret);

	for (size_t i = 0; !r && i < b->n_edges; i++) {
		const struct edge *e = &b->edges[i];
		uint32_t client = b->clients.class_of[e->client];
		uint32_t to = b->servers.class_of[e->server];
		struct rect *one = &(*ret)[m->part[server ? to : client]];
		one->clients[client] = one->servers[to] = true;
	}
	return r;
}

static int many(struct budget *b)
{
	struct bh_suggestion *out = &b->s->out;
	size_t budget = b->s->o->budget;
	struct merge side[2]; /* by servers, by clients */
	struct rect *rects;

	out->one_more = UINT64_MAX;
	for (unsigned i = 0; i < 2; i++) {
		int r = items_of(b, !i, &side[i]);
		if (!r)
			r = merge_to(&side[i], budget + 1, b->own);
		if (r)
			return r;
		if (side[i].weight < out->one_more)
			out->one_more = side[i].weight;
		r = merge_to(&side[i], budget, b->own);
		if (r)
			return r;
	}
	unsigned best = side[1].weight < side[0].weight;
	int r = partition(b, &side[best], !best, &rects);
	return r ? r : make_grants(b, rects, side[best].left);
}

int suggest_budget(struct suggest *s)
{
	BH_AUTO_ARENA own = { 0 };
	struct budget b = { .s = s, .own = &own };
	int r = find_edges(&b);

	if (!r)
		r = find_sides(&b);
	if (r)
		return r;
	if (!b.n_edges) {
		s->out.smallest = true;
		return 0;
	}
	return b.clients.n <= COVER_SIDE && b.servers.n <= COVER_SIDE ? few(&b) : many(&b);
}
