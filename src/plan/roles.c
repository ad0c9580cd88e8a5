#include <stdlib.h>
#include <strings.h>

#include "plan/known.h"
#include "plan/places.h"

/*
 * A host that serves and never uses SMB itself is a server: workstations use it all the
 * time.  That holds only as far as one sees: where both families are in use, the address
 * over which a workstation is a client may be its other one.  So there, a host that
 * served few needs a witness: a name it shares with a server, servers for neighbours, or
 * that no client of the other family can be the same machine (places.c).
 */

/* ---- one machine, several addresses -------------------------------------------------- */

struct aliases {
	struct alias *v;
	size_t n, cap;
	const char **last; /* by host: most names are told again and again */
	const struct known *known;
	struct bh_arena own; /* for the while */
};

static int by_name(const void *x, const void *y)
{
	const struct alias *a = x, *b = y;
	int r = strncasecmp(a->name, b->name, bh_min_size(a->len, b->len));

	if (!r && a->len != b->len)
		r = a->len < b->len ? -1 : 1;
	if (!r && a->host != b->host)
		r = a->host < b->host ? -1 : 1;
	return r;
}

static bool one_name(const struct alias *a, const struct alias *b)
{
	return a->len == b->len && !strncasecmp(a->name, b->name, a->len);
}

static void push(struct aliases *t, struct alias one)
{
	if (t->n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 256;
		struct alias *more = bh_arena_array(&t->own, cap, sizeof *more);
		if (!more)
			return;
		if (t->n)
			memcpy(more, t->v, t->n * sizeof *more);
		t->v = more;
		t->cap = cap;
	}
	t->v[t->n++] = one;
}

static void add_alias(struct aliases *t, const char *name, uint32_t host)
{
	struct alias one = { .name = name, .len = strcspn(name, "."), .host = host };
	struct bh_addr literal;

	if (!one.len || !bh_addr_parse(name, strlen(name), &literal))
		return;
	if (t->last[host] && !strcasecmp(t->last[host], name))
		return;
	t->last[host] = name;
	push(t, one);
}

/* "cifs/fs1.corp.example": what a ticket was for. */
static void add_service(struct aliases *t, const char *service, uint32_t host)
{
	if (!strncasecmp(service, "cifs/", 5))
		add_alias(t, service + 5, host);
}

static int collect_names(struct aliases *t, const struct pairs *p, const struct bh_told *told)
{
	t->last = bh_arena_array(&t->own, t->known->n + 1, sizeof *t->last);
	if (!t->last)
		return -ENOMEM;
	for (size_t i = 0; i < p->n; i++) {
		const struct pair *one = &p->v[i];
		for (size_t k = 0; !one->loopback && k < one->n; k++) {
			const struct bh_talk *c = &one->rows[k]->who;
			if (c->known & BH_KNOWN_SERVER_NAME)
				add_alias(t, c->server_name, one->server);
			if (c->known & BH_KNOWN_SERVICE)
				add_service(t, c->service, one->server);
			if (c->known & BH_KNOWN_WORKSTATION)
				add_alias(t, c->workstation, one->client);
		}
	}
	for (size_t i = 0; told && i < told->n_names; i++) {
		const struct bh_name_seen *s = &told->names[i];
		const struct known_host *h = s->group ? NULL : known_find(t->known, &s->addr);
		if (h)
			add_alias(t, s->name, (uint32_t)(h - t->known->v));
	}
	if (t->n)
		qsort(t->v, t->n, sizeof *t->v, by_name);
	return bh_arena_ok(&t->own) ? 0 : -ENOMEM;
}

/* Each name of a host once: of those that differ behind the first dot, the first. */
static int keep_names(const struct aliases *t, struct known *k, struct bh_arena *a)
{
	struct alias *v = bh_arena_array(a, t->n + 1, sizeof *v);
	size_t n = 0;

	for (size_t i = 0; v && i < t->n; i++) {
		if (!n || by_name(&v[n - 1], &t->v[i]))
			v[n++] = t->v[i];
	}
	k->aliases = v;
	k->n_aliases = n;
	return v ? 0 : -ENOMEM;
}

size_t known_machine(const struct known *k, size_t from)
{
	size_t end = from;

	while (end < k->n_aliases && one_name(&k->aliases[from], &k->aliases[end]))
		end++;
	return end - from;
}

/* v[0..n): the addresses of one name.  A client over one address is one over all.  Two
 * that both only ever served vouch for each other, and one that served many for all. */
static void join_name(const struct known *k, const struct alias *v, size_t n)
{
	bool client = false, many = false, several = false;
	const struct known_host *first = &k->v[v[0].host];

	for (size_t i = 0; i < n; i++) {
		const struct known_host *h = &k->v[v[i].host];
		client |= h->client;
		many |= h->served && known_strong(h);
		several |= h->served && first->served && h != first;
	}
	for (size_t i = 0; i < n; i++) {
		struct known_host *h = &k->v[v[i].host];
		h->client |= client;
		h->vouched |= many || (several && !client);
	}
}

static int find_names(
	struct known *k, const struct pairs *p, const struct bh_told *told, struct bh_arena *a)
{
	struct aliases t = { .known = k };
	int r = collect_names(&t, p, told);

	if (!r)
		r = keep_names(&t, k, a);
	bh_arena_reset(&t.own);
	return r;
}

static int join_names(struct known *k, struct places *places, struct bh_arena *a)
{
	BH_AUTO_ARENA own = { 0 };
	uint32_t *hosts = bh_arena_array(&own, k->n_aliases + 1, sizeof *hosts);

	if (!hosts)
		return -ENOMEM;
	for (size_t i = 0, n; i < k->n_aliases; i += n) {
		n = known_machine(k, i);
		for (size_t m = 0; m < n; m++)
			hosts[m] = k->aliases[i + m].host;
		join_name(k, k->aliases + i, n);
		places_of_name(places, hosts, n);
	}
	return places_ready(places, a);
}

/* ---- neighbours ---------------------------------------------------------------------- */

/* Hosts of one place, in the order of their addresses. */
struct neighbour {
	struct known_host *host;
	uint32_t place;
};

static int by_place(const void *x, const void *y)
{
	const struct neighbour *a = x, *b = y;

	if (a->place != b->place)
		return a->place < b->place ? -1 : 1;
	return bh_addr_compare(&a->host->addr, &b->host->addr);
}

/* v[0..n): one place.  Where a server of many stands and no workstation, the others that
 * only serve are servers too. */
static void join_place(const struct neighbour *v, size_t n)
{
	bool many = false, station = false;

	for (size_t i = 0; i < n; i++) {
		many |= v[i].host->served && known_strong(v[i].host);
		station |= v[i].host->client && !known_strong(v[i].host);
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
		station[f] |= h->served && h->client && !known_strong(h);
		server[f] |= h->served && (!h->client || known_strong(h));
	}
	for (size_t i = 0; i < n; i++) {
		unsigned other = v[i].host->addr.family != BH_V6;
		v[i].host->station = station[other] && !server[other];
	}
}

static int join_neighbours(struct known *k, const struct places *places)
{
	BH_AUTO_ARENA own = { 0 };
	struct neighbour *v = bh_arena_array(&own, k->n + 1, sizeof *v);

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < k->n; i++)
		v[i] = (struct neighbour){ &k->v[i], places->of[i] };
	if (k->n)
		qsort(v, k->n, sizeof *v, by_place);
	for (size_t i = 0, end; i < k->n; i = end) {
		for (end = i + 1; end < k->n && v[i].place == v[end].place;)
			end++;
		join_place(v + i, end - i);
		if (places_is_link(places, v[i].place))
			join_families(v + i, end - i);
	}
	return 0;
}

/* ---- the part each plays --------------------------------------------------------------- */

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

static void decide(struct known *k, uint32_t i, bool both, const struct places *places,
	const struct bh_told *told)
{
	struct known_host *h = &k->v[i];
	bool only_serves = h->served && !h->client;
	bool witness = !both || h->vouched || h->shares & SHARES_DOMAIN ||
		       (only_serves && !h->station && !places_other_client(places, i));

	h->server = h->served && (known_strong(h) || (only_serves && witness));
	if (told && told->servers && bh_addrset_contains(told->servers, &h->addr))
		h->server = true;
	h->unsure = only_serves && !h->server && !h->station;
}

int known_roles(
	struct known *k, const struct pairs *p, const struct bh_told *told, struct bh_arena *a)
{
	struct places places;
	int r = places_from(k, told, a, &places);

	if (!r)
		r = find_names(k, p, told, a);
	if (!r)
		r = join_names(k, &places, a);
	if (!r)
		r = join_neighbours(k, &places);
	if (r)
		return r;
	places_clients(&places, told);
	bool both = both_families(k, told);
	for (uint32_t i = 0; i < k->n; i++)
		decide(k, i, both, &places, told);
	return 0;
}
