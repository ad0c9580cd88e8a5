#include <stdlib.h>

#include "plan/suggest.h"

/* Grants become sentences: sets with names, a rule for each, and what was seen behind it. */

struct rules {
	struct suggest *s;
	struct bh_suggested_set **sets;
	const char **keys; /* of the sets: what is in them, as text */
	size_t n_sets;
	unsigned count[ROLES + 1]; /* sets named so far, the last for clients */
	const struct need **needs; /* by grant */
	size_t *from; /* by grant: its needs are from[g] … from[g + 1] */
};

static const char *const role_names[ROLES + 1] = { "dcs", "files", "printers", "servers",
	"clients" };

/* ---- what was seen behind a grant ------------------------------------------------------- */

/* The grants of each server, in their order. */
struct by_server {
	uint32_t *first, *grant;
};

static int list_servers(const struct suggest *s, struct bh_arena *own, struct by_server *ret)
{
	size_t all = 0;

	ret->first = bh_arena_array(own, s->known.n + 2, sizeof *ret->first);
	for (size_t g = 0; ret->first && g < s->n_grants; g++) {
		for (size_t i = 0; i < s->grants[g].servers.n; i++)
			ret->first[s->grants[g].servers.v[i] + 1]++;
		all += s->grants[g].servers.n;
	}
	ret->grant = bh_arena_array(own, all + 1, sizeof *ret->grant);
	uint32_t *at = bh_arena_array(own, s->known.n + 2, sizeof *at);
	if (!ret->first || !ret->grant || !at)
		return -ENOMEM;
	for (size_t h = 0; h < s->known.n; h++)
		ret->first[h + 1] += ret->first[h];
	memcpy(at, ret->first, (s->known.n + 1) * sizeof *at);
	for (size_t g = 0; g < s->n_grants; g++) {
		for (size_t i = 0; i < s->grants[g].servers.n; i++)
			ret->grant[at[s->grants[g].servers.v[i]]++] = (uint32_t)g;
	}
	return 0;
}

/* The first grant that lets it; what is needed has one. */
static uint32_t grant_of(
	const struct suggest *s, const struct by_server *by, const struct need *need)
{
	uint32_t server = need->p->server;

	for (uint32_t i = by->first[server]; i < by->first[server + 1]; i++) {
		const struct grant *g = &s->grants[by->grant[i]];
		if (g->services & need->service && suggest_hosts_hold(&g->clients, need->p->client))
			return by->grant[i];
	}
	assert(!"what is needed is granted");
	return 0;
}

static int list_needs(struct rules *r)
{
	BH_AUTO_ARENA own = { 0 };
	const struct suggest *s = r->s;
	size_t n = s->pairs.n;
	struct by_server by;
	uint32_t *of = bh_arena_array(&own, n + 1, sizeof *of);
	size_t *at = bh_arena_array(&own, s->n_grants + 2, sizeof *at);

	r->from = bh_arena_array(s->a, s->n_grants + 2, sizeof *r->from);
	r->needs = bh_arena_array(s->a, n + 1, sizeof *r->needs);
	if (list_servers(s, &own, &by) || !of || !at || !r->from || !r->needs)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (s->needs[i].why != BH_LEFTS)
			continue;
		of[i] = grant_of(s, &by, &s->needs[i]);
		r->from[of[i] + 1]++;
	}
	for (size_t g = 0; g < s->n_grants; g++)
		r->from[g + 1] += r->from[g];
	memcpy(at, r->from, (s->n_grants + 1) * sizeof *at);
	for (size_t i = 0; i < n; i++) {
		if (s->needs[i].why == BH_LEFTS)
			r->needs[at[of[i]]++] = &s->needs[i];
	}
	return 0;
}

/* ---- sets with names --------------------------------------------------------------------- */

static const char *key_of(struct suggest *s, const struct bh_suggested_set *set)
{
	BH_AUTO_BUF b = { 0 };

	bh_addrset_format(&set->addrs, ", ", &b);
	if (!bh_addrset_empty(&set->except)) {
		bh_buf_str(&b, " except ");
		bh_addrset_format(&set->except, ", ", &b);
	}
	/* A failed buffer must not look like an equal key. */
	if (!bh_buf_ok(&b))
		s->a->failed = true;
	const char *text = bh_arena_str(s->a, bh_buf_text(&b));
	return text ? text : "";
}

static const struct bh_suggested_set *named(
	struct rules *r, const char *key, enum role role, const struct bh_suggested_set *like)
{
	struct bh_arena *a = r->s->a;

	for (size_t i = 0; i < r->n_sets; i++) {
		if (!strcmp(r->keys[i], key))
			return r->sets[i];
	}
	struct bh_suggested_set *set = bh_arena_copy(a, like, sizeof *like);
	if (!set)
		return NULL;
	unsigned n = ++r->count[role];
	set->name = n == 1 ? role_names[role] : bh_arena_printf(a, "%s-%u", role_names[role], n);
	r->keys[r->n_sets] = key;
	r->sets[r->n_sets++] = set;
	return set;
}

static struct bh_addrset addresses(struct suggest *s, const uint32_t *v, size_t n)
{
	struct bh_range *r = bh_arena_array(s->a, n + 1, sizeof *r);
	size_t v4 = 0;

	for (size_t i = 0; r && i < n; i++) {
		const struct bh_addr *a = &s->known.v[v[i]].addr;
		r[i] = (struct bh_range){ a->num, a->num };
		v4 += a->family == BH_V4;
	}
	if (!r)
		return (struct bh_addrset){ 0 };
	return (struct bh_addrset){ .v4 = bh_ranges_from(s->a, r, v4),
		.v6 = bh_ranges_from(s->a, r + v4, n - v4) };
}

/* What clients called the servers of that part; names[0..n) is room. */
static void call(struct rules *r, size_t grant, enum role role, const struct need **names,
	struct bh_suggested_set *to)
{
	size_t n = 0;

	for (size_t i = r->from[grant]; i < r->from[grant + 1]; i++) {
		if (suggest_role(r->s, r->needs[i]->p->server) == role)
			names[n++] = r->needs[i];
	}
	suggest_called(names, n, r->s->a, to);
	if (r->s->o->names)
		suggest_machines(r->s->o->names, r->s->a, to);
}

/* The servers of a grant, one set for each part they play. */
static void name_servers(struct rules *r, size_t grant, struct bh_suggested_rule *rule)
{
	const struct grant *g = &r->s->grants[grant];
	BH_AUTO_ARENA own = { 0 };
	uint32_t *v = bh_arena_array(&own, g->servers.n + 1, sizeof *v);
	const struct need **names =
		bh_arena_array(&own, r->from[grant + 1] - r->from[grant] + 1, sizeof *names);
	const struct bh_suggested_set **to = bh_arena_array(r->s->a, ROLES, sizeof *to);

	if (!v || !names || !to) {
		r->s->a->failed = true;
		return;
	}
	for (unsigned role = 0; role < ROLES; role++) {
		size_t n = 0;
		for (size_t i = 0; i < g->servers.n; i++) {
			if (suggest_role(r->s, g->servers.v[i]) == role)
				v[n++] = g->servers.v[i];
		}
		struct bh_suggested_set set = { .addrs = addresses(r->s, v, n) };
		if (!n)
			continue;
		const char *key = key_of(r->s, &set);
		call(r, grant, (enum role)role, names, &set);
		to[rule->n_to++] = named(r, key, (enum role)role, &set);
	}
	rule->to = to;
}

static void name_clients(struct rules *r, size_t grant, struct bh_suggested_rule *rule)
{
	struct bh_suggested_set from = { 0 };

	suggest_clients(r->s, &r->s->grants[grant], &from);
	rule->from = named(r, key_of(r->s, &from), ROLES, &from);
}

int suggest_rules(struct suggest *s)
{
	struct bh_suggested_rule *v = bh_arena_array(s->a, s->n_grants + 1, sizeof *v);
	size_t most = (ROLES + 1) * s->n_grants + 1;
	struct rules r = { .s = s,
		.sets = bh_arena_array(s->a, most, sizeof *r.sets),
		.keys = bh_arena_array(s->a, most, sizeof *r.keys) };

	if (!v || !r.sets || !r.keys || list_needs(&r))
		return -ENOMEM;
	for (size_t i = 0; i < s->n_grants; i++)
		name_servers(&r, i, &v[i]);
	for (size_t i = 0; i < s->n_grants; i++) {
		name_clients(&r, i, &v[i]);
		v[i].services = s->grants[i].services;
		suggest_seen(s, r.needs + r.from[i], r.from[i + 1] - r.from[i], &v[i].seen);
	}
	s->out.rules = v;
	s->out.n_rules = s->n_grants;
	s->out.sets = (const struct bh_suggested_set *const *)r.sets;
	s->out.n_sets = r.n_sets;
	return bh_arena_ok(s->a) ? 0 : -ENOMEM;
}
