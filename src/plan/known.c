#include "plan/known.h"

#include <stdlib.h>
#include <strings.h>

bool bh_plan_inside(const struct bh_addr *a, const struct bh_addrset *own)
{
	return !bh_addr_public(a) || (own && bh_addrset_contains(own, a));
}

bool known_loopback(const struct bh_talk *c)
{
	const struct bh_addr *ends[] = { &c->client, &c->server };

	for (size_t i = 0; i < BH_LEN(ends); i++) {
		if (ends[i]->family == BH_V4 ? ends[i]->num >> 24 == 127 : ends[i]->num == 1)
			return true;
	}
	return bh_addr_equal(&c->client, &c->server);
}

struct bh_service known_service(const struct bh_talk *c)
{
	bool quic = c->transport == BH_TRANSPORT_QUIC443;

	return (struct bh_service){ .port = c->port, .proto = quic ? BH_UDP : BH_TCP };
}

/* Shares that every Windows machine has: using them makes nobody a file server. */
static bool administrative(const struct bh_talk *c)
{
	enum bh_share_class class = bh_share_class(c);

	return class == BH_CLASS_IPC || class == BH_CLASS_ADMIN ||
	       (class == BH_CLASS_PRINT && c->share_type != BH_SHARE_PRINT);
}

static uint8_t shares_of(const struct bh_talk *c)
{
	switch (bh_share_class(c)) {
	case BH_CLASS_UNKNOWN: return 0;
	case BH_CLASS_DOMAIN: return SHARES_DOMAIN;
	case BH_CLASS_PRINT: return SHARES_PRINT;
	default: return administrative(c) ? 0 : SHARES_DISK;
	}
}

static int by_addr(const void *x, const void *y)
{
	const struct known_host *a = x, *b = y;

	return bh_addr_compare(&a->addr, &b->addr);
}

struct known_host *known_find(const struct known *k, const struct bh_addr *addr)
{
	struct known_host want = { .addr = *addr };

	return k->n ? bsearch(&want, k->v, k->n, sizeof *k->v, by_addr) : NULL;
}

bool known_to_workstation(const struct known *k, const struct bh_addr *server)
{
	const struct known_host *to = known_find(k, server);

	return to && !to->server && !to->unsure;
}

static int by_pair(const void *x, const void *y)
{
	const struct bh_talk *a = &(*(const struct bh_row *const *)x)->who;
	const struct bh_talk *b = &(*(const struct bh_row *const *)y)->who;
	struct bh_service s = known_service(a), t = known_service(b);

	if (s.proto != t.proto)
		return s.proto < t.proto ? -1 : 1;
	if (s.port != t.port)
		return s.port < t.port ? -1 : 1;
	int r = bh_addr_compare(&a->server, &b->server);
	if (!r)
		r = bh_addr_compare(&a->client, &b->client);
	return r ? r : bh_talk_compare(a, b);
}

const struct bh_row **known_by_pair(const struct bh_row *rows, size_t n, struct bh_arena *a)
{
	const struct bh_row **v = bh_arena_array(a, n + 1, sizeof *v);

	for (size_t i = 0; v && i < n; i++)
		v[i] = &rows[i];
	if (v && n)
		qsort(v, n, sizeof *v, by_pair);
	return v;
}

static bool same_pair(const struct bh_row *x, const struct bh_row *y)
{
	return bh_service_equal(known_service(&x->who), known_service(&y->who)) &&
	       bh_addr_equal(&x->who.server, &y->who.server) &&
	       bh_addr_equal(&x->who.client, &y->who.client);
}

size_t known_pair_len(const struct bh_row *const *rows, size_t n)
{
	size_t len = 1;

	while (len < n && same_pair(rows[0], rows[len]))
		len++;
	return len;
}

/* The distinct addresses of all rows, and more. */
static void collect(const struct bh_row *const *rows, size_t n, const struct bh_addr *more,
	size_t n_more, struct known *k)
{
	size_t all = 0;

	for (size_t i = 0; i < n; i++) {
		if (known_loopback(&rows[i]->who))
			continue;
		k->v[all++].addr = rows[i]->who.client;
		k->v[all++].addr = rows[i]->who.server;
	}
	for (size_t i = 0; i < n_more; i++)
		k->v[all++].addr = more[i];
	qsort(k->v, all, sizeof *k->v, by_addr);
	for (size_t i = 0; i < all; i++) {
		if (!k->n || !bh_addr_equal(&k->v[k->n - 1].addr, &k->v[i].addr))
			k->v[k->n++].addr = k->v[i].addr;
	}
}

/* One pair's rows: does it make its server a server of files? */
static void note_pair(const struct known *k, const struct bh_row *const *rows, size_t n,
	const struct bh_told *told)
{
	struct known_host *c = known_find(k, &rows[0]->who.client);
	struct known_host *s = known_find(k, &rows[0]->who.server);
	bool shared = false;

	if (!c || !s || c == s)
		return;
	for (size_t i = 0; i < n; i++) {
		enum bh_use use = bh_row_use(rows[i]);
		c->client |= use != BH_USE_UNANSWERED;
		s->served |= use <= BH_USE_SMB1;
		shared |= use == BH_USE_WORKS && !administrative(&rows[i]->who);
		if (use == BH_USE_WORKS)
			s->shares |= shares_of(&rows[i]->who);
	}
	if (shared && bh_plan_inside(&c->addr, told ? told->own : NULL))
		s->shared_to++;
}

int known_from(const struct bh_row *const *pairs, size_t n, const struct bh_told *told,
	const struct bh_addr *more, size_t n_more, struct bh_arena *a, struct known *ret)
{
	struct known k = { .v = bh_arena_array(a, 2 * n + n_more + 1, sizeof *k.v) };

	if (!k.v)
		return -ENOMEM;
	collect(pairs, n, more, n_more, &k);
	for (size_t i = 0, len; i < n; i += len) {
		len = known_pair_len(pairs + i, n - i);
		note_pair(&k, pairs + i, len, told);
	}
	int r = known_roles(&k, pairs, n, told, a);
	if (r)
		return r;
	*ret = k;
	return 0;
}

static const struct bh_interface *interface_to(const struct bh_point *p, const struct bh_addr *peer)
{
	for (size_t i = 0; i < p->n_ifaces; i++) {
		if (bh_addrset_contains(&p->ifaces[i].onlink, peer))
			return &p->ifaces[i];
	}
	return NULL;
}

static bool one_segment(const struct bh_point *p, const struct bh_addr *c, const struct bh_addr *s)
{
	for (size_t i = 0; i < p->n_ifaces; i++) {
		struct bh_ranges r = bh_addrset_of(&p->ifaces[i].onlink, c->family);
		for (size_t k = 0; k < r.n; k++) {
			if (r.v[k].lo <= c->num && c->num <= r.v[k].hi && r.v[k].lo <= s->num &&
				s->num <= r.v[k].hi)
				return true;
		}
	}
	return false;
}

bool known_judge(const struct bh_bound *b, const struct bh_point *p, const struct bh_view *fwd,
	const struct bh_addr *c, const struct bh_addr *s, struct bh_service svc,
	struct bh_decision *ret)
{
	struct bh_flow f = { .client = *c, .server = *s, .service = svc, .hook = BH_FWD };
	bool mine_c = bh_addrset_contains(&p->view->self, c);
	bool mine_s = bh_addrset_contains(&p->view->self, s);

	if (c->family != s->family || (mine_c && mine_s))
		return false;
	if (!p->view->gateway && (mine_c || mine_s)) {
		const struct bh_interface *i = interface_to(p, mine_s ? c : s);
		f.hook = mine_s ? BH_IN : BH_OUT;
		if (i) {
			memcpy(mine_s ? f.iif : f.oif, i->name, sizeof f.iif);
			f.localsubnet = &i->onlink;
		}
		bh_policy_decide(b, p->view, &f, ret);
		return true;
	}
	if (mine_c || mine_s || !(p->view->gateway || p->forwards) || one_segment(p, c, s))
		return false;
	bh_policy_decide(b, fwd, &f, ret);
	return true;
}
