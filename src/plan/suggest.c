#include "plan/plan.h"

#include <stdlib.h>
#include <strings.h>

#include "plan/suggest.h"

/*
 * Pairs of (client, server, service) are either allowed or left out, each for one
 * reason.  The clients of each server become a set; servers with equal client sets and
 * the same part to play become one rule, so that a rule never joins a client with a
 * server that it was not seen with, but for the networks that stand for many clients.
 * Whom a network would let in although it was left out is excepted by name.
 */

#define MANY 8u

const char *const bh_left_names[BH_LEFTS] = {
	[BH_LEFT_INTERNET] = "internet",
	[BH_LEFT_LATERAL] = "lateral",
	[BH_LEFT_UNSURE] = "unsure",
	[BH_LEFT_SMB1] = "smb1",
	[BH_LEFT_NOBODY] = "guest-or-anonymous",
	[BH_LEFT_DENIED] = "denied",
	[BH_LEFT_NO_SESSION] = "no-session",
	[BH_LEFT_UNANSWERED] = "unanswered",
	[BH_LEFT_NOT_GOVERNED] = "not-governed",
};

/* One server at one service, with the clients that may. */
struct door {
	const struct pair *pairs;
	size_t n;
	unsigned service;
	enum role { DCS, FILES, PRINTERS, SERVERS, ROLES } role;
	struct bh_addr server;
	struct bh_addrset clients, except;
	const char *key; /* clients and except as text */
};

struct group {
	unsigned services;
	enum role role;
	const struct door *const *doors;
	size_t n;
	struct bh_addrset servers;
	const char *key, *servers_key;
	const struct bh_suggested_set *to;
};

struct suggest {
	const struct bh_suggest_options *o;
	struct bh_arena *a;
	struct known known;
	struct pair *pairs;
	size_t n_pairs;
	struct door *doors;
	size_t n_doors;
	struct group *groups;
	size_t n_groups;
	struct bh_suggested_set **sets;
	const char **set_keys;
	size_t n_sets;
	unsigned count[ROLES + 1]; /* sets named so far, the last for clients */
	struct bh_suggestion out;
};

/* ---- what to allow ---------------------------------------------------------- */

static unsigned service_of(const struct bh_talk *c)
{
	struct bh_service s = known_service(c);

	if (s.proto != BH_TCP)
		return 0;
	return s.port == 445    ? BH_SVC_SMB
	       : s.port == 139  ? BH_SVC_NETBIOS
	       : s.port == 5445 ? BH_SVC_SMBDIRECT
				: 0;
}

static enum bh_left_out judge(const struct suggest *s, const struct pair *p)
{
	static const enum bh_left_out by_use[BH_USES] = { BH_LEFTS, BH_LEFT_NOBODY, BH_LEFT_SMB1,
		BH_LEFT_DENIED, BH_LEFT_NO_SESSION, BH_LEFT_UNANSWERED };
	enum bh_use best = BH_USE_UNANSWERED;

	for (size_t i = 0; i < p->n; i++) {
		enum bh_use use = bh_row_use(p->rows[i]);
		best = use < best ? use : best;
	}
	if (!p->service)
		return BH_LEFT_NOT_GOVERNED;
	if (!bh_plan_inside(&p->who->client, s->o->told.own) ||
		!bh_plan_inside(&p->who->server, s->o->told.own))
		return BH_LEFT_INTERNET;
	if (best <= BH_USE_SMB1 && known_to_workstation(&s->known, &p->who->server))
		return BH_LEFT_LATERAL;
	const struct known_host *to = known_find(&s->known, &p->who->server);
	if (best == BH_USE_WORKS && to && to->unsure)
		return BH_LEFT_UNSURE;
	return by_use[best];
}

static int find_pairs(struct suggest *s, const struct bh_row *const *v, size_t n)
{
	s->pairs = bh_arena_array(s->a, n + 1, sizeof *s->pairs);
	if (!s->pairs)
		return -ENOMEM;
	for (size_t i = 0, len; i < n; i += len) {
		len = known_pair_len(v + i, n - i);
		struct pair p = { .rows = v + i, .n = len, .who = &v[i]->who };
		p.service = service_of(p.who);
		p.why = judge(s, &p);
		s->out.pairs += p.why == BH_LEFTS;
		s->pairs[s->n_pairs++] = p;
	}
	return 0;
}

/* ---- clients become networks ------------------------------------------------ */

/* A /24 or /64 is never wider than the block that makes its addresses inside ones; no
 * network stands for link-local addresses, which mean another machine on every link. */
static bool may_widen(const struct suggest *s, uint8_t family, bh_u128 lo, bh_u128 hi)
{
	struct bh_addr at = { .num = lo, .family = family };
	bool link = family == BH_V4 ? lo >> 16 == 0xa9fe : lo >> 118 == (0xfe80u >> 6);

	if (link)
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

struct gather {
	struct bh_range *in[2], *out[2]; /* IPv4, IPv6 */
	size_t n_in[2], n_out[2];
};

/* pairs[0..n): one server's clients in one /24 or /64. */
static void gather_prefix(struct suggest *s, const struct pair *p, size_t n, struct gather *g)
{
	const struct bh_addr *first = &p[0].who->client;
	unsigned rest = first->family == BH_V4 ? 8 : 64, f = first->family == BH_V6;
	bh_u128 lo = first->num >> rest << rest, hi = lo | (((bh_u128)1 << rest) - 1);
	size_t good = 0;

	for (size_t i = 0; i < n; i++)
		good += p[i].why == BH_LEFTS;
	unsigned many = s->o->many ? s->o->many : MANY;
	bool widen = good >= many && good > n - good && may_widen(s, first->family, lo, hi);
	if (widen)
		g->in[f][g->n_in[f]++] = (struct bh_range){ lo, hi };
	for (size_t i = 0; i < n; i++) {
		struct bh_range one = { p[i].who->client.num, p[i].who->client.num };
		if (p[i].why == BH_LEFTS && !widen)
			g->in[f][g->n_in[f]++] = one;
		else if (p[i].why != BH_LEFTS && widen)
			g->out[f][g->n_out[f]++] = one;
	}
}

/* Where a silent drop would only make people wait. */
static int find_inside(struct suggest *s)
{
	size_t n[2] = { 0 };
	struct bh_range *v[2] = { bh_arena_array(s->a, s->known.n + 1, sizeof **v),
		bh_arena_array(s->a, s->known.n + 1, sizeof **v) };

	if (!v[0] || !v[1])
		return -ENOMEM;
	for (size_t i = 0; i < s->known.n; i++) {
		const struct bh_addr *h = &s->known.v[i].addr;
		unsigned rest = h->family == BH_V4 ? 8 : 64, f = h->family == BH_V6;
		bh_u128 lo = h->num >> rest << rest, hi = lo | (((bh_u128)1 << rest) - 1);
		if (may_widen(s, h->family, lo, hi))
			v[f][n[f]++] = (struct bh_range){ lo, hi };
	}
	s->out.inside.v4 = bh_ranges_from(s->a, v[0], n[0]);
	s->out.inside.v6 = bh_ranges_from(s->a, v[1], n[1]);
	return 0;
}

static bool one_prefix(const struct bh_addr *x, const struct bh_addr *y)
{
	unsigned rest = x->family == BH_V4 ? 8 : 64;

	return x->family == y->family && x->num >> rest == y->num >> rest;
}

static void gather_clients(struct suggest *s, struct door *d)
{
	struct gather g = { 0 };

	for (int f = 0; f < 2; f++) {
		g.in[f] = bh_arena_array(s->a, d->n, sizeof *g.in[f]);
		g.out[f] = bh_arena_array(s->a, d->n, sizeof *g.out[f]);
		if (!g.in[f] || !g.out[f])
			return;
	}
	for (size_t i = 0, end; i < d->n; i = end) {
		for (end = i + 1; end < d->n &&
				  one_prefix(&d->pairs[i].who->client, &d->pairs[end].who->client);)
			end++;
		gather_prefix(s, d->pairs + i, end - i, &g);
	}
	d->clients.v4 = bh_ranges_from(s->a, g.in[0], g.n_in[0]);
	d->clients.v6 = bh_ranges_from(s->a, g.in[1], g.n_in[1]);
	d->except.v4 = bh_ranges_from(s->a, g.out[0], g.n_out[0]);
	d->except.v6 = bh_ranges_from(s->a, g.out[1], g.n_out[1]);
}

static const char *key_of(struct suggest *s, const struct bh_addrset *x, const struct bh_addrset *y)
{
	BH_AUTO_BUF b = { 0 };

	bh_addrset_format(x, ", ", &b);
	if (y && !bh_addrset_empty(y)) {
		bh_buf_str(&b, " except ");
		bh_addrset_format(y, ", ", &b);
	}
	/* A failed buffer must not look like an equal key. */
	if (!bh_buf_ok(&b))
		s->a->failed = true;
	const char *text = bh_arena_str(s->a, bh_buf_text(&b));
	return text ? text : "";
}

static enum role role_of(const struct suggest *s, const struct bh_addr *server)
{
	const struct known_host *h = known_find(&s->known, server);
	unsigned shares = h ? h->shares : 0;

	return shares & SHARES_DOMAIN  ? DCS
	       : shares & SHARES_DISK  ? FILES
	       : shares & SHARES_PRINT ? PRINTERS
				       : SERVERS;
}

static int find_doors(struct suggest *s)
{
	s->doors = bh_arena_array(s->a, s->n_pairs + 1, sizeof *s->doors);
	if (!s->doors)
		return -ENOMEM;
	for (size_t i = 0, end; i < s->n_pairs; i = end) {
		const struct pair *p = &s->pairs[i];
		bool some = false;
		for (end = i; end < s->n_pairs && s->pairs[end].service == p->service &&
			      bh_addr_equal(&s->pairs[end].who->server, &p->who->server);
			end++)
			some |= s->pairs[end].why == BH_LEFTS;
		if (!some)
			continue;
		struct door d = { .pairs = p,
			.n = end - i,
			.service = p->service,
			.server = p->who->server,
			.role = role_of(s, &p->who->server) };
		gather_clients(s, &d);
		d.key = key_of(s, &d.clients, &d.except);
		s->doors[s->n_doors++] = d;
	}
	return bh_arena_ok(s->a) ? 0 : -ENOMEM;
}

/* ---- servers with equal clients become one rule ------------------------------ */

static int by_clients(const void *x, const void *y)
{
	const struct door *a = *(const struct door *const *)x, *b = *(const struct door *const *)y;
	int r = a->service != b->service ? (a->service < b->service ? -1 : 1) : 0;

	if (!r && a->role != b->role)
		r = a->role < b->role ? -1 : 1;
	if (!r)
		r = strcmp(a->key, b->key);
	return r ? r : bh_addr_compare(&a->server, &b->server);
}

static bool one_group(const struct door *a, const struct door *b)
{
	return a->service == b->service && a->role == b->role && !strcmp(a->key, b->key);
}

static struct bh_addrset servers_of(struct suggest *s, const struct door *const *d, size_t n)
{
	struct bh_range *v = bh_arena_array(s->a, 2 * n, sizeof *v);
	size_t v4 = 0, v6 = 0;

	if (!v)
		return (struct bh_addrset){ 0 };
	for (size_t i = 0; i < n; i++) {
		struct bh_range one = { d[i]->server.num, d[i]->server.num };
		if (d[i]->server.family == BH_V4)
			v[v4++] = one;
		else
			v[n + v6++] = one;
	}
	return (struct bh_addrset){ .v4 = bh_ranges_from(s->a, v, v4),
		.v6 = bh_ranges_from(s->a, v + n, v6) };
}

/* The same clients at the same servers over several services: one rule. */
static int by_sets(const void *x, const void *y)
{
	const struct group *a = x, *b = y;
	int r = a->role != b->role ? (a->role < b->role ? -1 : 1) : 0;

	if (!r)
		r = bh_addr_compare(&a->doors[0]->server, &b->doors[0]->server);
	if (!r)
		r = strcmp(a->servers_key, b->servers_key);
	if (!r)
		r = strcmp(a->key, b->key);
	if (!r && a->services != b->services)
		r = a->services < b->services ? -1 : 1;
	return r;
}

static int find_groups(struct suggest *s)
{
	const struct door **v = bh_arena_array(s->a, s->n_doors + 1, sizeof *v);

	s->groups = bh_arena_array(s->a, s->n_doors + 1, sizeof *s->groups);
	if (!v || !s->groups)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_doors; i++)
		v[i] = &s->doors[i];
	if (s->n_doors)
		qsort(v, s->n_doors, sizeof *v, by_clients);
	for (size_t i = 0, end; i < s->n_doors; i = end) {
		for (end = i + 1; end < s->n_doors && one_group(v[i], v[end]);)
			end++;
		struct group g = { .services = v[i]->service,
			.role = v[i]->role,
			.doors = v + i,
			.n = end - i,
			.key = v[i]->key };
		g.servers = servers_of(s, g.doors, g.n);
		g.servers_key = key_of(s, &g.servers, NULL);
		s->groups[s->n_groups++] = g;
	}
	if (s->n_groups)
		qsort(s->groups, s->n_groups, sizeof *s->groups, by_sets);
	return bh_arena_ok(s->a) ? 0 : -ENOMEM;
}

/* ---- sets with names ----------------------------------------------------------- */

static const char *const role_names[ROLES + 1] = { "dcs", "files", "printers", "servers",
	"clients" };

static const struct bh_suggested_set *named(
	struct suggest *s, const char *key, enum role role, const struct bh_suggested_set *like)
{
	for (size_t i = 0; i < s->n_sets; i++) {
		if (!strcmp(s->set_keys[i], key))
			return s->sets[i];
	}
	struct bh_suggested_set *set = bh_arena_copy(s->a, like, sizeof *like);
	if (!set)
		return NULL;
	unsigned n = ++s->count[role];
	set->name = n == 1 ? role_names[role] : bh_arena_printf(s->a, "%s-%u", role_names[role], n);
	s->set_keys[s->n_sets] = key;
	s->sets[s->n_sets++] = set;
	return set;
}

static bool has_prefix(struct bh_ranges r, const struct door *d, uint8_t family)
{
	/* Wider than the clients behind it: some range holds an address nobody used. */
	for (size_t i = 0; i < r.n; i++) {
		size_t seen = 0;
		for (size_t k = 0; k < d->n; k++) {
			const struct bh_addr *c = &d->pairs[k].who->client;
			seen += d->pairs[k].why == BH_LEFTS && c->family == family &&
				r.v[i].lo <= c->num && c->num <= r.v[i].hi;
		}
		if (r.v[i].hi - r.v[i].lo >= seen)
			return true;
	}
	return false;
}

/* The allowed pairs of a group; all rows behind its rule. */
static const struct pair **pairs_of(struct suggest *s, const struct group *g, size_t *n)
{
	size_t all = 0, m = 0;

	for (size_t i = 0; i < g->n; i++)
		all += g->doors[i]->n;
	const struct pair **v = bh_arena_array(s->a, all + 1, sizeof *v);
	for (size_t i = 0; v && i < g->n; i++) {
		for (size_t k = 0; k < g->doors[i]->n; k++) {
			if (g->doors[i]->pairs[k].why == BH_LEFTS)
				v[m++] = &g->doors[i]->pairs[k];
		}
	}
	*n = m;
	return v;
}

static void name_servers(struct suggest *s, struct group *g)
{
	struct bh_suggested_set to = { .addrs = g->servers };
	size_t n;
	const struct pair **v = pairs_of(s, g, &n);

	if (!v)
		return;
	suggest_called(v, n, s->a, &to);
	if (s->o->names)
		suggest_machines(s->o->names, s->a, &to);
	g->to = named(s, g->servers_key, g->role, &to);
}

static void make_rule(struct suggest *s, const struct group *g, struct bh_suggested_rule *rule)
{
	const struct door *d = g->doors[0];
	struct bh_suggested_set from = { .addrs = d->clients, .except = d->except };
	size_t n;
	const struct pair **v = pairs_of(s, g, &n);

	if (!v)
		return;
	from.network = has_prefix(from.addrs.v4, d, BH_V4) || has_prefix(from.addrs.v6, d, BH_V6);
	rule->services = g->services;
	rule->to = g->to;
	rule->from = named(s, g->key, ROLES, &from);
	suggest_seen(v, n, s->a, &rule->seen);
}

static bool same_sets(const struct group *a, const struct group *b)
{
	return a->role == b->role && !strcmp(a->key, b->key) &&
	       !strcmp(a->servers_key, b->servers_key);
}

static void fold_seen(struct bh_seen *to, const struct bh_seen *from)
{
	to->connections += from->connections;
	to->last_seen = from->last_seen > to->last_seen ? from->last_seen : to->last_seen;
	to->users = from->users > to->users ? from->users : to->users;
	to->dialects |= from->dialects;
	to->is_signed |= from->is_signed;
	to->unsigned_ |= from->unsigned_;
	to->encrypted |= from->encrypted;
	to->clear |= from->clear;
	for (size_t i = 0; i < BH_USES; i++)
		to->uses[i] += from->uses[i];
}

static int make_rules(struct suggest *s)
{
	struct bh_suggested_rule *v = bh_arena_array(s->a, s->n_groups + 1, sizeof *v);
	size_t n = 0;

	s->sets = bh_arena_array(s->a, 2 * s->n_groups + 1, sizeof *s->sets);
	s->set_keys = bh_arena_array(s->a, 2 * s->n_groups + 1, sizeof *s->set_keys);
	if (!v || !s->sets || !s->set_keys)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_groups; i++)
		name_servers(s, &s->groups[i]);
	for (size_t i = 0; i < s->n_groups; i++) {
		struct bh_suggested_rule r = { 0 };
		make_rule(s, &s->groups[i], &r);
		if (n && same_sets(&s->groups[i - 1], &s->groups[i])) {
			v[n - 1].services |= r.services;
			fold_seen(&v[n - 1].seen, &r.seen);
		} else {
			v[n++] = r;
		}
	}
	s->out.rules = v;
	s->out.n_rules = n;
	s->out.sets = (const struct bh_suggested_set *const *)s->sets;
	s->out.n_sets = s->n_sets;
	return bh_arena_ok(s->a) ? 0 : -ENOMEM;
}

/* ---- what is left out ------------------------------------------------------------ */

static int by_reason(const void *x, const void *y)
{
	const struct pair *a = *(const struct pair *const *)x;
	const struct pair *b = *(const struct pair *const *)y;
	struct bh_service s = known_service(a->who), t = known_service(b->who);
	int r = a->why != b->why ? (a->why < b->why ? -1 : 1) : 0;

	if (!r)
		r = bh_addr_compare(&a->who->server, &b->who->server);
	if (!r && s.proto != t.proto)
		r = s.proto < t.proto ? -1 : 1;
	if (!r && s.port != t.port)
		r = s.port < t.port ? -1 : 1;
	return r;
}

static int by_reason_and_client(const void *x, const void *y)
{
	int r = by_reason(x, y);

	return r ? r
		 : bh_addr_compare(&(*(const struct pair *const *)x)->who->client,
			   &(*(const struct pair *const *)y)->who->client);
}

static void make_left(struct suggest *s, const struct pair *const *v, size_t n, struct bh_left *ret)
{
	struct bh_range *r = bh_arena_array(s->a, n, sizeof *r);
	struct bh_left left = { .why = v[0]->why,
		.service = v[0]->service,
		.at = known_service(v[0]->who),
		.server = v[0]->who->server };

	if (!r)
		return;
	for (size_t i = 0; i < n; i++)
		r[i] = (struct bh_range){ v[i]->who->client.num, v[i]->who->client.num };
	if (left.server.family == BH_V4)
		left.clients.v4 = bh_ranges_from(s->a, r, n);
	else
		left.clients.v6 = bh_ranges_from(s->a, r, n);
	suggest_seen(v, n, s->a, &left.seen);
	*ret = left;
}

static int leave_out(struct suggest *s)
{
	const struct pair **v = bh_arena_array(s->a, s->n_pairs + 1, sizeof *v);
	struct bh_left *left = bh_arena_array(s->a, s->n_pairs + 1, sizeof *left);
	size_t n = 0;

	if (!v || !left)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_pairs; i++) {
		if (s->pairs[i].why != BH_LEFTS)
			v[n++] = &s->pairs[i];
	}
	if (n)
		qsort(v, n, sizeof *v, by_reason_and_client);
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && !by_reason(&v[i], &v[end]);)
			end++;
		make_left(s, v + i, end - i, &left[s->out.n_left++]);
	}
	s->out.left = left;
	return bh_arena_ok(s->a) ? 0 : -ENOMEM;
}

/* Leaves aside what is too old and what never leaves a machine. */
static size_t choose(struct suggest *s, const struct bh_row **v, size_t n)
{
	size_t m = 0;

	for (size_t i = 0; i < n; i++) {
		const struct bh_figures *f = &v[i]->figures;
		if (s->o->since && f->last_seen < s->o->since) {
			s->out.too_old++;
		} else if (known_loopback(&v[i]->who)) {
			s->out.loopback++;
		} else {
			s->out.conversations++;
			s->out.connections += f->connections;
			if (f->first_seen &&
				(!s->out.first_seen || f->first_seen < s->out.first_seen))
				s->out.first_seen = f->first_seen;
			if (f->last_seen > s->out.last_seen)
				s->out.last_seen = f->last_seen;
			v[m++] = v[i];
		}
	}
	return m;
}

int bh_plan_suggest(const struct bh_row *rows, size_t n, const struct bh_suggest_options *o,
	struct bh_arena *a, struct bh_suggestion *ret)
{
	struct suggest s = { .o = o, .a = a };
	const struct bh_row **v = known_by_pair(rows, n, a);

	if (!v)
		return -ENOMEM;
	n = choose(&s, v, n);
	int r = known_from(v, n, &o->told, NULL, 0, a, &s.known);
	if (!r)
		r = find_pairs(&s, v, n);
	if (!r)
		r = find_inside(&s);
	if (!r)
		r = find_doors(&s);
	if (!r)
		r = find_groups(&s);
	if (!r)
		r = make_rules(&s);
	if (!r)
		r = leave_out(&s);
	if (r)
		return r;
	s.out.now = o->now;
	s.out.since = o->since;
	*ret = s.out;
	return 0;
}
