#include "plan/known.h"

#include <stdlib.h>
#include <strings.h>

bool bh_plan_inside(const struct bh_addr *a, const struct bh_addrset *own)
{
	return !bh_addr_public(a) || (own && bh_addrset_contains(own, a));
}

bool known_link_local(const struct bh_addr *a)
{
	return a->family == BH_V4 ? a->num >> 16 == 0xa9fe : a->num >> 118 == (0xfe80u >> 6);
}

/* ---- the distinct addresses ----------------------------------------------------------- */

/* Open addressing.  The key follows from all addresses, so that whoever chooses some
 * cannot make them collide. */
struct finder {
	struct bh_addr *v;
	uint32_t *slots; /* index + 1 */
	size_t n, mask;
	uint64_t key;
};

static uint64_t spread(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static uint64_t hash(const struct bh_addr *a, uint64_t key)
{
	return spread((uint64_t)a->num ^ spread((uint64_t)(a->num >> 64) ^ key) ^ a->family);
}

static uint32_t note(struct finder *f, const struct bh_addr *a)
{
	size_t at = hash(a, f->key) & f->mask;

	for (; f->slots[at]; at = (at + 1) & f->mask) {
		if (bh_addr_equal(&f->v[f->slots[at] - 1], a))
			return f->slots[at] - 1;
	}
	f->v[f->n++] = *a;
	f->slots[at] = (uint32_t)f->n;
	return (uint32_t)f->n - 1;
}

static void note_all(struct finder *f, struct pairs *p, const struct bh_addr *more, size_t n_more)
{
	for (size_t i = 0; i < p->n; i++) {
		struct pair *one = &p->v[i];
		if (one->loopback)
			continue;
		bool again = i && !p->v[i - 1].loopback &&
			     bh_addr_equal(&p->v[i - 1].who->server, &one->who->server);
		one->server = again ? p->v[i - 1].server : note(f, &one->who->server);
		one->client = note(f, &one->who->client);
	}
	for (size_t i = 0; i < n_more; i++)
		(void)note(f, &more[i]);
}

struct placed {
	struct bh_addr addr;
	uint32_t was;
};

static int by_place(const void *x, const void *y)
{
	const struct placed *a = x, *b = y;

	return bh_addr_compare(&a->addr, &b->addr);
}

/* From the order they were met in to that of their addresses. */
static int sort_hosts(const struct finder *f, struct pairs *p, struct bh_arena *a,
	struct bh_arena *own, struct known *ret)
{
	struct placed *v = bh_arena_array(own, f->n + 1, sizeof *v);
	uint32_t *now = bh_arena_array(own, f->n + 1, sizeof *now);
	struct known k = { .v = bh_arena_array(a, f->n + 1, sizeof *k.v), .n = f->n };

	if (!v || !now || !k.v)
		return -ENOMEM;
	for (size_t i = 0; i < f->n; i++)
		v[i] = (struct placed){ f->v[i], (uint32_t)i };
	if (f->n)
		qsort(v, f->n, sizeof *v, by_place);
	for (size_t i = 0; i < f->n; i++) {
		k.v[i].addr = v[i].addr;
		k.split += v[i].addr.family == BH_V4;
		now[v[i].was] = (uint32_t)i;
	}
	for (size_t i = 0; i < p->n; i++) {
		if (p->v[i].loopback)
			continue;
		p->v[i].client = now[p->v[i].client];
		p->v[i].server = now[p->v[i].server];
	}
	*ret = k;
	return 0;
}

static int collect(struct pairs *p, const struct bh_addr *more, size_t n_more, struct bh_arena *a,
	struct known *ret)
{
	BH_AUTO_ARENA own = { 0 };
	size_t all = 2 * p->n + n_more, slots = 64;
	struct finder f = { 0 };

	while (slots < 2 * all)
		slots *= 2;
	f.v = bh_arena_array(&own, all + 1, sizeof *f.v);
	f.slots = bh_arena_array(&own, slots, sizeof *f.slots);
	if (!f.v || !f.slots)
		return -ENOMEM;
	f.mask = slots - 1;
	for (size_t i = 0; i < p->n; i++)
		f.key += hash(&p->v[i].who->client, 1) + hash(&p->v[i].who->server, 2);
	note_all(&f, p, more, n_more);
	return sort_hosts(&f, p, a, &own, ret);
}

struct known_host *known_find(const struct known *k, const struct bh_addr *addr)
{
	size_t lo = 0, hi = k->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = bh_addr_compare(&k->v[mid].addr, addr);
		if (!c)
			return &k->v[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

/* ---- what they do --------------------------------------------------------------------- */

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

static void note_shared(struct known_host *server, uint32_t client)
{
	for (size_t i = 0; i < server->shared_to; i++) {
		if (server->shared_with[i] == client)
			return;
	}
	if (server->shared_to < BH_SERVER_CLIENTS)
		server->shared_with[server->shared_to++] = client;
}

/* Does a pair make its server a server of files? */
static void note_pair(const struct known *k, const struct pair *p, const struct bh_told *told)
{
	struct known_host *c = &k->v[p->client], *s = &k->v[p->server];
	bool shared = false;

	for (size_t i = 0; i < p->n; i++) {
		enum bh_use use = bh_row_use(p->rows[i]);
		c->client |= use != BH_USE_UNANSWERED;
		s->served |= use <= BH_USE_SMB1;
		if (use != BH_USE_WORKS)
			continue;
		const struct bh_figures *f = &p->rows[i]->figures;
		if (f->first_seen && (!s->served_first || f->first_seen < s->served_first))
			s->served_first = f->first_seen;
		if (f->last_seen > s->served_last)
			s->served_last = f->last_seen;
		shared |= !administrative(&p->rows[i]->who);
		s->shares |= shares_of(&p->rows[i]->who);
	}
	if (shared && bh_plan_inside(&c->addr, told ? told->own : NULL))
		note_shared(s, p->client);
}

int known_from(struct pairs *p, const struct bh_told *told, const struct bh_addr *more,
	size_t n_more, struct bh_arena *a, struct known *ret)
{
	struct known k;
	int r = collect(p, more, n_more, a, &k);

	if (r)
		return r;
	for (size_t i = 0; i < p->n; i++) {
		if (!p->v[i].loopback)
			note_pair(&k, &p->v[i], told);
	}
	r = known_roles(&k, p, told, a);
	if (!r)
		*ret = k;
	return r;
}

/* ---- what is decided of a pair ------------------------------------------------------ */

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

bool known_flow(const struct bh_point *p, const struct bh_view *fwd, const struct bh_addr *c,
	const struct bh_addr *s, struct bh_service svc, struct known_flow *ret)
{
	struct known_flow q = {
		.is = { .client = *c, .server = *s, .service = svc, .hook = BH_FWD }, .view = fwd
	};
	bool mine_c = bh_addrset_contains(&p->view->self, c);
	bool mine_s = bh_addrset_contains(&p->view->self, s);

	if (c->family != s->family || (mine_c && mine_s))
		return false;
	if (!p->view->gateway && (mine_c || mine_s)) {
		const struct bh_interface *i = interface_to(p, mine_s ? c : s);
		q.view = p->view;
		q.is.hook = mine_s ? BH_IN : BH_OUT;
		if (i) {
			memcpy(mine_s ? q.is.iif : q.is.oif, i->name, sizeof q.is.iif);
			q.is.localsubnet = &i->onlink;
		}
	} else if (mine_c || mine_s || !(p->view->gateway || p->forwards) || one_segment(p, c, s)) {
		return false;
	}
	*ret = q;
	return true;
}
