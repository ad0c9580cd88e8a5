#include "plan/plan.h"

#include <stdlib.h>

#include "plan/known.h"

/*
 * On a gateway the table is a list of products with pairwise disjoint sources, so each
 * host is in at most one product of each gate.  Hosts that are in the same ones reach
 * the same servers: they are counted together, and their servers by binary search in
 * the sorted hosts.
 */

enum { SERVICES = 32 }; /* declared TCP services looked at */

struct surface {
	const struct bh_bound *bound;
	const struct bh_point *point;
	struct bh_view fwd;
	struct known known;
	const uint32_t *stations; /* workstations before each host */
	size_t split; /* hosts before this one are IPv4 */
	const struct bh_gate *gates[SERVICES]; /* fwd gates that carry SMB */
	size_t n_gates;
	bool all_open; /* some SMB service has no gate: everything is admitted */
	struct bh_service services[SERVICES];
	size_t n_services;
	struct bh_surface total;
	struct bh_arena *a;
};

struct count {
	uint64_t all, stations;
};

static struct count pairs_among(uint64_t hosts, uint64_t stations)
{
	return (struct count){
		.all = hosts ? hosts * (hosts - 1) : 0,
		.stations = stations ? stations * (stations - 1) : 0,
	};
}

/* quic is udp, and so are NetBIOS names and datagrams: no SMB session goes over those. */
static void list_services(struct surface *s)
{
	const struct bh_bound *b = s->bound;

	for (size_t i = 0; b && i < b->n_services && s->n_services < SERVICES; i++) {
		if (!b->services[i].quic && b->services[i].service.proto == BH_TCP)
			s->services[s->n_services++] = b->services[i].service;
	}
}

static void list_gates(struct surface *s, const struct bh_table *t)
{
	for (size_t i = 0; i < s->n_services; i++) {
		const struct bh_gate *found = NULL;
		for (size_t k = 0; k < t->n_gates; k++) {
			if (t->gates[k].hook == BH_FWD &&
				bh_service_equal(t->gates[k].service, s->services[i]))
				found = &t->gates[k];
		}
		if (found)
			s->gates[s->n_gates++] = found;
		else
			s->all_open = true;
	}
}

static int count_stations(struct surface *s)
{
	uint32_t *v = bh_arena_array(s->a, s->known.n + 1, sizeof *v);

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < s->known.n; i++) {
		v[i + 1] = v[i] + !s->known.v[i].server;
		s->split += s->known.v[i].addr.family == BH_V4;
	}
	s->stations = v;
	return 0;
}

/* The first host of a family whose number is not below num. */
static size_t lower(const struct surface *s, uint8_t family, bh_u128 num)
{
	size_t lo = family == BH_V4 ? 0 : s->split, hi = family == BH_V4 ? s->split : s->known.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (s->known.v[mid].addr.num < num)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct count hosts_in(const struct surface *s, uint8_t family, struct bh_ranges r)
{
	struct count c = { 0 };

	for (size_t i = 0; i < r.n; i++) {
		size_t from = lower(s, family, r.v[i].lo), to;
		to = r.v[i].hi == bh_addr_max(family) ? lower(s, family, r.v[i].hi)
						      : lower(s, family, r.v[i].hi + 1);
		if (r.v[i].hi == bh_addr_max(family) && to < s->known.n &&
			s->known.v[to].addr.num == r.v[i].hi &&
			s->known.v[to].addr.family == family)
			to++;
		c.all += to - from;
		c.stations += s->stations[to] - s->stations[from];
	}
	return c;
}

static void count_all(struct surface *s)
{
	uint64_t v4 = s->split, v6 = s->known.n - s->split;
	uint64_t w4 = s->stations[s->split], w6 = s->stations[s->known.n] - w4;
	struct count x = pairs_among(v4, w4), y = pairs_among(v6, w6);

	s->total.hosts = s->known.n;
	s->total.pairs = x.all + y.all;
	s->total.lateral = x.stations + y.stations;
}

/* ---- the pairs a gateway forwards ---------------------------------------- */

/* Numbers the on-link prefixes; a host lies in the first that holds it. */
static void find_segments(struct surface *s)
{
	uint32_t id = 0;

	for (size_t i = 0; i < s->point->n_ifaces; i++) {
		for (int family = BH_V4; family <= BH_V6; family += BH_V6 - BH_V4) {
			struct bh_ranges r =
				bh_addrset_of(&s->point->ifaces[i].onlink, (uint8_t)family);
			for (size_t k = 0; k < r.n; k++) {
				id++;
				size_t at = lower(s, (uint8_t)family, r.v[k].lo);
				for (; at < s->known.n && s->known.v[at].addr.family == family &&
					s->known.v[at].addr.num <= r.v[k].hi;
					at++) {
					if (!s->known.v[at].segment)
						s->known.v[at].segment = id;
				}
			}
		}
	}
}

/* Which product of each gate a host is a source of, as one key; 0: none. */
struct member {
	struct known_host *host;
	uint32_t product[SERVICES];
};

static const struct bh_products *products(const struct bh_gate *g)
{
	return &g->cases[g->n_cases - 1].admit; /* fwd knows no localsubnet */
}

/* Sources are disjoint, so writing product by product sets each host at most once. */
static void mark(const struct surface *s, struct member *m, size_t gate)
{
	const struct bh_products *p = products(s->gates[gate]);

	for (size_t i = 0; i < p->n; i++) {
		for (int family = BH_V4; family <= BH_V6; family += BH_V6 - BH_V4) {
			struct bh_ranges r = bh_addrset_of(&p->v[i].src, (uint8_t)family);
			for (size_t k = 0; k < r.n; k++) {
				size_t at = lower(s, (uint8_t)family, r.v[k].lo);
				for (; at < s->known.n && s->known.v[at].addr.family == family &&
					s->known.v[at].addr.num <= r.v[k].hi;
					at++)
					m[at].product[gate] = (uint32_t)i + 1;
			}
		}
	}
}

static int by_key(const void *x, const void *y)
{
	const struct member *a = x, *b = y;
	int r = (int)a->host->addr.family - (int)b->host->addr.family;

	if (!r)
		r = memcmp(a->product, b->product, sizeof a->product);
	if (!r && a->host->segment != b->host->segment)
		r = a->host->segment < b->host->segment ? -1 : 1;
	return r;
}

static bool same_key(const struct member *a, const struct member *b)
{
	return a->host->addr.family == b->host->addr.family &&
	       !memcmp(a->product, b->product, sizeof a->product);
}

static struct bh_ranges reached(const struct surface *s, const struct member *m)
{
	uint8_t family = m->host->addr.family;
	struct bh_ranges r = { 0 };

	if (s->all_open)
		return bh_ranges_one(s->a, 0, bh_addr_max(family));
	for (size_t i = 0; i < s->n_gates; i++) {
		if (m->product[i]) {
			const struct bh_product *p = &products(s->gates[i])->v[m->product[i] - 1];
			r = bh_ranges_union(s->a, r, bh_addrset_of(&p->dst, family));
		}
	}
	return r;
}

/* The numbers that lie in host i's own segment, of those in r. */
static struct count neighbours_in(
	const struct surface *s, const struct known_host *h, struct bh_ranges r)
{
	struct count c = { 0 };

	if (!h->segment)
		return c;
	/* Segments overlap only where interfaces do: walk the hosts between the ends of
	 * each range that bear the number. */
	for (size_t i = 0; i < r.n; i++) {
		size_t at = lower(s, h->addr.family, r.v[i].lo);
		for (; at < s->known.n && s->known.v[at].addr.family == h->addr.family &&
			s->known.v[at].addr.num <= r.v[i].hi;
			at++) {
			if (s->known.v[at].segment == h->segment) {
				c.all++;
				c.stations += !s->known.v[at].server;
			}
		}
	}
	return c;
}

/* v[0..n): hosts of one family that reach the same servers, in one segment. */
static void count_group(struct surface *s, const struct member *v, size_t n, struct bh_ranges r)
{
	struct count open = hosts_in(s, v[0].host->addr.family, r);
	struct count near = neighbours_in(s, v[0].host, r);

	for (size_t i = 0; i < n; i++) {
		const struct known_host *h = v[i].host;
		/* Nobody is his own neighbour: with a segment he was counted in `near`. */
		uint64_t self = !h->segment && bh_ranges_contain(r, h->addr.num);

		s->total.judged_open += open.all - near.all - self;
		if (!h->server)
			s->total.lateral_judged_open += open.stations - near.stations - self;
	}
}

static void count_unjudged(struct surface *s)
{
	uint32_t top = 0;

	s->total.judged = s->total.pairs;
	s->total.lateral_judged = s->total.lateral;
	for (size_t i = 0; i < s->known.n; i++)
		top = s->known.v[i].segment > top ? s->known.v[i].segment : top;
	struct count *c = bh_arena_array(s->a, (size_t)top + 1, sizeof *c);
	for (size_t i = 0; c && i < s->known.n; i++) {
		c[s->known.v[i].segment].all++;
		c[s->known.v[i].segment].stations += !s->known.v[i].server;
	}
	for (size_t i = 1; c && i <= top; i++) {
		struct count p = pairs_among(c[i].all, c[i].stations);
		s->total.judged -= p.all;
		s->total.lateral_judged -= p.stations;
	}
}

static int count_gateway(struct surface *s, const struct bh_table *t)
{
	struct member *m = bh_arena_array(s->a, s->known.n + 1, sizeof *m);

	if (!m)
		return -ENOMEM;
	list_gates(s, t);
	find_segments(s);
	count_unjudged(s);
	for (size_t i = 0; i < s->known.n; i++)
		m[i].host = &s->known.v[i];
	for (size_t i = 0; i < s->n_gates && !s->all_open; i++)
		mark(s, m, i);
	if (s->known.n)
		qsort(m, s->known.n, sizeof *m, by_key);
	struct bh_ranges r = { 0 };
	for (size_t i = 0, end; i < s->known.n; i = end) {
		if (!i || !same_key(&m[i - 1], &m[i]))
			r = reached(s, &m[i]);
		for (end = i + 1; end < s->known.n && !by_key(&m[i], &m[end]);)
			end++;
		count_group(s, m + i, end - i, r);
	}
	return bh_arena_ok(s->a) ? 0 : -ENOMEM;
}

/* ---- the pairs one host is an end of -------------------------------------- */

/* 1: admitted by some service, 0: by none, -1: not on the path. */
static int admitted(const struct surface *s, const struct bh_addr *c, const struct bh_addr *to)
{
	int answer = -1;

	for (size_t i = 0; i < s->n_services; i++) {
		struct bh_decision d;
		if (!known_judge(s->bound, s->point, &s->fwd, c, to, s->services[i], &d))
			continue;
		if (d.admit)
			return 1;
		answer = 0;
	}
	return answer;
}

static void count_pair(struct surface *s, const struct known_host *c, const struct known_host *to)
{
	bool lateral = !c->server && !to->server;
	int yes = admitted(s, &c->addr, &to->addr);

	if (yes < 0)
		return;
	s->total.judged++;
	s->total.judged_open += (uint64_t)yes;
	s->total.lateral_judged += lateral;
	s->total.lateral_judged_open += lateral && yes;
}

static void count_host(struct surface *s)
{
	const struct bh_addrset *self = &s->point->view->self;

	for (size_t i = 0; i < s->known.n; i++) {
		const struct known_host *me = &s->known.v[i];
		if (!bh_addrset_contains(self, &me->addr))
			continue;
		for (size_t k = 0; k < s->known.n; k++) {
			const struct known_host *peer = &s->known.v[k];
			if (bh_addrset_contains(self, &peer->addr))
				continue;
			count_pair(s, me, peer);
			count_pair(s, peer, me);
		}
	}
}

/* ---- what is in use -------------------------------------------------------- */

struct used {
	struct bh_addr client, server;
};

static int by_ends(const void *x, const void *y)
{
	const struct used *a = x, *b = y;
	int r = bh_addr_compare(&a->server, &b->server);

	return r ? r : bh_addr_compare(&a->client, &b->client);
}

/* A pair that no point sees stays open. */
static void count_one_used(struct surface *s, const struct used *u)
{
	const struct known_host *c = known_find(&s->known, &u->client);
	const struct known_host *to = known_find(&s->known, &u->server);
	bool open = !s->point || admitted(s, &u->client, &u->server) != 0;
	bool lateral = c && to && !c->server && !to->server;

	s->total.used++;
	s->total.used_open += open;
	s->total.lateral_used += lateral;
	s->total.lateral_used_open += lateral && open;
}

static int count_used(struct surface *s, const struct bh_row *rows, size_t n)
{
	struct used *v = bh_arena_array(s->a, n + 1, sizeof *v);
	size_t m = 0;

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct bh_talk *c = &rows[i].who;
		if (!known_loopback(c) && bh_row_use(&rows[i]) <= BH_USE_SMB1)
			v[m++] = (struct used){ .client = c->client, .server = c->server };
	}
	if (m)
		qsort(v, m, sizeof *v, by_ends);
	for (size_t i = 0; i < m; i++) {
		if (!i || by_ends(&v[i - 1], &v[i]))
			count_one_used(s, &v[i]);
	}
	return 0;
}

/* This machine is a known host even where nobody has seen it speak. */
static size_t own_addresses(const struct bh_point *p, struct bh_addr *ret, size_t max)
{
	size_t n = 0;

	for (int family = BH_V4; p && family <= BH_V6; family += BH_V6 - BH_V4) {
		struct bh_ranges r = bh_addrset_of(&p->view->self, (uint8_t)family);
		for (size_t i = 0; i < r.n; i++) {
			bh_u128 num = r.v[i].lo;
			for (; n < max && num - r.v[i].lo <= r.v[i].hi - r.v[i].lo; num++)
				ret[n++] =
					(struct bh_addr){ .num = num, .family = (uint8_t)family };
		}
	}
	return n;
}

int bh_plan_surface(const struct bh_bound *b, const struct bh_point *point,
	const struct bh_table *table, const struct bh_told *told, const struct bh_row *rows,
	size_t n, struct bh_arena *a, struct bh_surface *ret)
{
	struct surface s = { .bound = b, .point = point, .a = a };
	struct bh_addr own[256];
	struct bh_told with = told ? *told : (struct bh_told){ 0 };
	struct bh_addrset inside = b ? b->declared : (struct bh_addrset){ 0 };
	int r;

	assert(!point || (b && (table || !point->view->gateway)));
	if (with.own)
		inside = bh_addrset_union(a, inside, *with.own);
	with.own = &inside;
	const struct bh_row **v = known_by_pair(rows, n, a);
	size_t n_own = own_addresses(point, own, BH_LEN(own));
	r = v ? known_from(v, n, &with, own, n_own, a, &s.known) : -ENOMEM;
	if (!r)
		r = count_stations(&s);
	if (!r && point)
		r = bh_policy_view_gateway(b, a, &s.fwd);
	if (r)
		return r;
	list_services(&s);
	count_all(&s);
	if (point && point->view->gateway)
		r = count_gateway(&s, table);
	else if (point)
		count_host(&s);
	if (!r)
		r = count_used(&s, rows, n);
	if (!r && !bh_arena_ok(a))
		r = -ENOMEM;
	if (!r)
		*ret = s.total;
	return r;
}
