#include <stdlib.h>

#include "plan/suggest.h"

/*
 * Each pair of client and server is either needed, and allowed, or left out for one
 * reason.
 */

const char *const bh_left_names[BH_LEFTS] = {
	[BH_LEFT_INTERNET] = "internet",
	[BH_LEFT_LATERAL] = "lateral",
	[BH_LEFT_UNSURE] = "unsure",
	[BH_LEFT_PURPOSE] = "purpose",
	[BH_LEFT_SMB1] = "smb1",
	[BH_LEFT_NOBODY] = "guest-or-anonymous",
	[BH_LEFT_DENIED] = "denied",
	[BH_LEFT_NO_SESSION] = "no-session",
	[BH_LEFT_UNANSWERED] = "unanswered",
	[BH_LEFT_NOT_GOVERNED] = "not-governed",
};

static unsigned service_of(const struct pair *p)
{
	if (p->at.proto != BH_TCP || p->who->client.family != p->who->server.family)
		return 0;
	return p->at.port == 445    ? BH_SVC_SMB
	       : p->at.port == 139  ? BH_SVC_NETBIOS
	       : p->at.port == 5445 ? BH_SVC_SMBDIRECT
				    : 0;
}

/* Is there more to it than what is not wanted? */
static bool wanted(const struct suggest *s, const struct pair *p)
{
	if (!s->o->without || !s->o->purposes)
		return true;
	for (size_t i = 0; i < p->n; i++) {
		uint8_t purpose = s->o->purposes[p->rows[i] - s->rows];
		if (bh_row_use(p->rows[i]) == BH_USE_WORKS && !(s->o->without >> purpose & 1))
			return true;
	}
	return false;
}

static enum bh_left_out judge(const struct suggest *s, const struct pair *p, unsigned service)
{
	static const enum bh_left_out by_use[BH_USES] = { BH_LEFTS, BH_LEFT_NOBODY, BH_LEFT_SMB1,
		BH_LEFT_DENIED, BH_LEFT_NO_SESSION, BH_LEFT_UNANSWERED };
	enum bh_use best = BH_USE_UNANSWERED;

	for (size_t i = 0; i < p->n; i++) {
		enum bh_use use = bh_row_use(p->rows[i]);
		best = use < best ? use : best;
	}
	if (!service)
		return BH_LEFT_NOT_GOVERNED;
	if (!bh_plan_inside(&p->who->client, s->o->told.own) ||
		!bh_plan_inside(&p->who->server, s->o->told.own))
		return BH_LEFT_INTERNET;
	const struct known_host *to = &s->known.v[p->server];
	if (best <= BH_USE_SMB1 && known_workstation(to))
		return BH_LEFT_LATERAL;
	if (best == BH_USE_WORKS && to->unsure)
		return BH_LEFT_UNSURE;
	if (best == BH_USE_WORKS && !wanted(s, p))
		return BH_LEFT_PURPOSE;
	return by_use[best];
}

int suggest_needs(struct suggest *s)
{
	size_t n = s->pairs.n;
	uint32_t *first = bh_arena_array(s->a, s->known.n + 2, sizeof *first);

	s->needs = bh_arena_array(s->a, n + 1, sizeof *s->needs);
	if (!s->needs || !first)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct pair *p = &s->pairs.v[i];
		struct need *one = &s->needs[i];
		one->p = p;
		one->service = service_of(p);
		one->why = judge(s, p, one->service);
		s->out.pairs += one->why == BH_LEFTS;
	}
	/* Pairs stand in the order of their servers. */
	for (size_t i = 0, h = 0; h <= s->known.n; h++) {
		first[h] = (uint32_t)i;
		while (i < n && s->pairs.v[i].server == h)
			i++;
	}
	s->first = first;
	return 0;
}

/* ---- what is left out ------------------------------------------------------------------ */

static int by_reason(const void *x, const void *y)
{
	const struct need *a = *(const struct need *const *)x;
	const struct need *b = *(const struct need *const *)y;
	struct bh_service s = a->p->at, t = b->p->at;

	if (a->why != b->why)
		return a->why < b->why ? -1 : 1;
	if (a->p->server != b->p->server)
		return a->p->server < b->p->server ? -1 : 1;
	if (s.proto != t.proto)
		return s.proto < t.proto ? -1 : 1;
	return s.port != t.port ? (s.port < t.port ? -1 : 1) : 0;
}

static int by_reason_and_client(const void *x, const void *y)
{
	const struct need *a = *(const struct need *const *)x;
	const struct need *b = *(const struct need *const *)y;
	int r = by_reason(x, y);

	return r ? r : bh_addr_compare(&a->p->who->client, &b->p->who->client);
}

/* With a budget, rules are not made for each server: one may admit whom it does not
 * need. */
static bool admitted(const struct suggest *s, const struct need *one)
{
	for (size_t i = 0; s->o->budget && i < s->n_grants; i++) {
		const struct bh_suggested_set *from = s->out.rules[i].from;
		const struct bh_addr *client = &one->p->who->client;
		if (s->grants[i].services & one->service &&
			suggest_hosts_hold(&s->grants[i].servers, one->p->server) &&
			bh_addrset_contains(&from->addrs, client) &&
			!bh_addrset_contains(&from->except, client))
			return true;
	}
	return false;
}

static void make_left(
	const struct suggest *s, const struct need *const *v, size_t n, struct bh_left *ret)
{
	struct bh_range *r = bh_arena_array(s->a, n, sizeof *r);
	struct bh_left left = { .why = v[0]->why,
		.service = v[0]->service,
		.at = v[0]->p->at,
		.server = v[0]->p->who->server };
	size_t v4 = 0;

	if (!r)
		return;
	/* Sorted by address: those of IPv4 come first. */
	for (size_t i = 0; i < n; i++) {
		const struct bh_addr *c = &v[i]->p->who->client;
		r[i] = (struct bh_range){ c->num, c->num };
		v4 += c->family == BH_V4;
		left.admitted += admitted(s, v[i]);
	}
	left.clients.v4 = bh_ranges_from(s->a, r, v4);
	left.clients.v6 = bh_ranges_from(s->a, r + v4, n - v4);
	suggest_seen(s, v, n, &left.seen);
	*ret = left;
}

int suggest_left(struct suggest *s)
{
	size_t all = s->pairs.n, n = 0;
	const struct need **v = bh_arena_array(s->a, all + 1, sizeof *v);

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < all; i++) {
		if (s->needs[i].why != BH_LEFTS)
			v[n++] = &s->needs[i];
	}
	struct bh_left *left = bh_arena_array(s->a, n + 1, sizeof *left);
	if (!left)
		return -ENOMEM;
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
