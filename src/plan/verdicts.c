#include "plan/verdicts.h"

#include "plan/reason.h"

struct remembered {
	uint32_t client, server; /* classes, plus one; 0: free */
	struct bh_service service;
	struct verdict is;
};

/* ---- classes --------------------------------------------------------------------------- */

struct classes {
	struct verdicts *v;
	struct bh_arena *own; /* for the while */
	uint32_t *size, *inside; /* by class: hosts, and of them in the set at hand */
	uint32_t *now; /* by class: what those become */
	struct spans hosts;
};

/* Every class becomes two where some of its hosts are in the set and some are not. */
static void split(struct classes *c)
{
	uint32_t *of = c->v->class_of;

	spans_join(&c->hosts);
	for (size_t i = 0; i < c->hosts.n; i++) {
		for (uint32_t h = c->hosts.v[i].lo; h < c->hosts.v[i].hi; h++)
			c->inside[of[h]]++;
	}
	for (size_t i = 0; i < c->hosts.n; i++) {
		for (uint32_t h = c->hosts.v[i].lo; h < c->hosts.v[i].hi; h++) {
			uint32_t was = of[h];
			if (c->inside[was] == c->size[was] && !c->now[was])
				continue;
			if (!c->now[was])
				c->now[was] = (uint32_t)c->v->n_classes++;
			of[h] = c->now[was];
			c->size[was]--;
			c->inside[was]--;
			c->size[of[h]]++;
			if (!c->inside[was])
				c->now[was] = 0;
		}
	}
	for (size_t i = 0; i < c->hosts.n; i++) {
		for (uint32_t h = c->hosts.v[i].lo; h < c->hosts.v[i].hi; h++)
			c->inside[of[h]] = 0;
	}
	c->hosts.n = 0;
}

static void split_by(struct classes *c, const struct bh_addrset *set)
{
	for (int f = BH_V4; f <= BH_V6; f += BH_V6 - BH_V4)
		spans_push_ranges(
			&c->hosts, c->own, c->v->known, (uint8_t)f, bh_addrset_of(set, (uint8_t)f));
	split(c);
}

/* A gateway does not see what stays within one of these ranges. */
static void split_by_each(struct classes *c, const struct bh_addrset *set)
{
	for (int f = BH_V4; f <= BH_V6; f += BH_V6 - BH_V4) {
		struct bh_ranges r = bh_addrset_of(set, (uint8_t)f);
		for (size_t i = 0; i < r.n; i++) {
			struct bh_ranges one = { .v = &r.v[i], .n = 1 };
			spans_push_ranges(&c->hosts, c->own, c->v->known, (uint8_t)f, one);
			split(c);
		}
	}
}

static int find_classes(struct verdicts *v)
{
	BH_AUTO_ARENA own = { 0 };
	struct classes c = { .v = v, .own = &own };
	size_t n = v->known->n + 2;

	v->class_of = bh_arena_array(v->a, n, sizeof *v->class_of);
	c.size = bh_arena_array(&own, n, sizeof *c.size);
	c.inside = bh_arena_array(&own, n, sizeof *c.inside);
	c.now = bh_arena_array(&own, n, sizeof *c.now);
	if (!v->class_of || !bh_arena_ok(&own))
		return -ENOMEM;
	/* 0: IPv4, 1: IPv6. */
	v->n_classes = 2;
	for (size_t h = 0; h < v->known->n; h++) {
		v->class_of[h] = h >= v->known->split;
		c.size[v->class_of[h]]++;
	}
	for (size_t i = 0; i < v->bound->n_atoms; i++)
		split_by(&c, &v->bound->atoms[i]);
	split_by(&c, &v->point->view->self);
	for (size_t i = 0; i < v->point->n_ifaces; i++)
		split_by_each(&c, &v->point->ifaces[i].onlink);
	return bh_arena_ok(&own) ? 0 : -ENOMEM;
}

/* ---- answers ---------------------------------------------------------------------------- */

int verdicts_new(const struct bh_bound *b, const struct bh_point *p, const struct known *k,
	struct bh_arena *a, struct verdicts *ret)
{
	struct verdicts v = { .bound = b, .point = p, .known = k, .a = a, .mask = 255 };
	int r = bh_policy_view_gateway(b, a, &v.fwd);

	if (!r)
		r = find_classes(&v);
	v.slots = bh_arena_array(a, v.mask + 1, sizeof *v.slots);
	if (r || !v.slots)
		return -ENOMEM;
	*ret = v;
	return 0;
}

static struct remembered *find(
	const struct verdicts *v, uint32_t client, uint32_t server, struct bh_service service)
{
	uint64_t x = ((uint64_t)client << 32 | server) ^ (uint64_t)service.port << 40 ^
		     (uint64_t)service.proto << 20;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	for (size_t at = (x ^ x >> 31) & v->mask;; at = (at + 1) & v->mask) {
		struct remembered *one = &v->slots[at];
		if (!one->client || (one->client == client && one->server == server &&
					    bh_service_equal(one->service, service)))
			return one;
	}
}

static void grow(struct verdicts *v)
{
	struct remembered *old = v->slots;
	size_t n = v->mask + 1;
	struct remembered *more = bh_arena_array(v->a, 4 * n, sizeof *more);

	if (!more)
		return;
	v->slots = more;
	v->mask = 4 * n - 1;
	for (size_t i = 0; i < n; i++) {
		if (old[i].client)
			*find(v, old[i].client, old[i].server, old[i].service) = old[i];
	}
}

static void ask(const struct verdicts *v, uint32_t client, uint32_t server,
	struct bh_service service, struct verdict *ret)
{
	struct known_flow f;

	if (!known_flow(v->point, &v->fwd, &v->known->v[client].addr, &v->known->v[server].addr,
		    service, &f))
		return;
	ret->on_path = true;
	bh_policy_decide(v->bound, f.view, &f.is, &ret->is);
	if (!ret->is.admit)
		ret->reason = reason_of(v->bound, &f, &ret->is);
}

struct verdict verdicts_ask(
	struct verdicts *v, uint32_t client, uint32_t server, struct bh_service service)
{
	uint32_t c = v->class_of[client] + 1, s = v->class_of[server] + 1;
	struct remembered *one = find(v, c, s, service);

	if (one->client)
		return one->is;
	struct remembered fresh = { .client = c, .server = s, .service = service };
	ask(v, client, server, service, &fresh.is);
	if (2 * (v->n + 1) > v->mask)
		grow(v);
	if (2 * (v->n + 1) <= v->mask) {
		*find(v, c, s, service) = fresh;
		v->n++;
	}
	return fresh.is;
}
