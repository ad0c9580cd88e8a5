/*
 * What a table answers for one flow, and where its answers may change.
 */
#pragma once

#include "plan/plan.h"

static const struct bh_gate *gate_of(
	const struct bh_table *t, enum bh_hook hook, struct bh_service service)
{
	for (size_t i = 0; i < t->n_gates; i++) {
		if (t->gates[i].hook == hook && bh_service_equal(t->gates[i].service, service))
			return &t->gates[i];
	}
	return NULL;
}

static bool by_table(const struct bh_table *t, const struct bh_flow *f)
{
	const struct bh_gate *g = gate_of(t, f->hook, f->service);
	const char *ifname = f->hook == BH_OUT ? f->oif : f->iif;
	const struct bh_gate_case *c;

	if (!g)
		return true;
	for (c = g->cases; c->ifname[0] && strcmp(c->ifname, ifname); c++)
		;
	bool same = bh_service_symmetric(f->service) && f->sport == f->service.port;
	return bh_products_contain(same ? &c->admit_same_port : &c->admit, &f->client, &f->server);
}

static const struct bh_gate_case *case_of(const struct bh_gate *g, const struct bh_flow *f)
{
	const char *ifname = f->hook == BH_OUT ? f->oif : f->iif;
	const struct bh_gate_case *c;

	for (c = g->cases; c->ifname[0] && strcmp(c->ifname, ifname); c++)
		;
	return c;
}

/* Where an interface admits no others than the rest, its localsubnet is not told apart. */
BH_UNUSED static bool asks_exactly(const struct bh_gate *g, const struct bh_flow *f)
{
	return !f->localsubnet || f->hook == BH_FWD || case_of(g, f)->ifname[0];
}

/* The sentence that the flow is counted for; NULL: none. */
BH_UNUSED static const struct bh_table_sentence *counted(
	const struct bh_table *t, const struct bh_flow *f, bool admitted)
{
	const struct bh_gate *g = gate_of(t, f->hook, f->service);
	bool same = bh_service_symmetric(f->service) && f->sport == f->service.port;

	if (!g)
		return NULL;
	const struct bh_gate_case *c = case_of(g, f);
	const struct bh_counts *l = !admitted ? &c->blocked
				    : same    ? &c->allowed_same_port
					      : &c->allowed;
	for (size_t i = 0; i < l->n; i++) {
		if (bh_addrset_contains(&l->v[i].src, &f->client) &&
			bh_addrset_contains(&l->v[i].dst, &f->server))
			return &t->sentences[l->v[i].sentence];
	}
	return NULL;
}

#define MAX_POINTS 512

static size_t add_edges(struct bh_addr *v, size_t n, const struct bh_addrset *s)
{
	for (unsigned f = BH_V4; f <= BH_V6; f += 2) {
		struct bh_ranges r = bh_addrset_of(s, (uint8_t)f);
		for (size_t i = 0; i < r.n; i++) {
			const bh_u128 at[] = { r.v[i].lo - 1, r.v[i].lo, r.v[i].hi, r.v[i].hi + 1 };
			for (size_t k = 0; k < 4; k++) {
				struct bh_addr a = { .family = (uint8_t)f,
					.num = at[k] & bh_addr_max((uint8_t)f) };
				bool old = n == MAX_POINTS;
				for (size_t j = 0; j < n && !old; j++)
					old = bh_addr_equal(&v[j], &a);
				if (!old)
					v[n++] = a;
			}
		}
	}
	return n;
}
