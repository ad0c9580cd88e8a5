#include "priv/check.h"

/* Below 1024 only the ports of SMB, NetBIOS and QUIC; above, whatever a `service`
 * sentence may name. */
static bool our_port(struct bh_service s)
{
	static const struct bh_service ours[] = {
		{ 139, BH_TCP },
		{ 445, BH_TCP },
		{ 137, BH_UDP },
		{ 138, BH_UDP },
		{ 443, BH_UDP },
	};

	for (size_t i = 0; i < BH_LEN(ours); i++) {
		if (bh_service_equal(s, ours[i]))
			return true;
	}
	return s.port >= 1024;
}

/* Everything of each family that the product speaks of at all. */
static bool any_side(const struct bh_addrset *x, const struct bh_addrset *other)
{
	const uint8_t families[] = { BH_V4, BH_V6 };

	for (size_t i = 0; i < BH_LEN(families); i++) {
		struct bh_ranges r = bh_addrset_of(x, families[i]);
		bool full = r.n == 1 && r.v[0].lo == 0 && r.v[0].hi == bh_addr_max(families[i]);
		if (bh_addrset_of(other, families[i]).n && !full)
			return false;
	}
	return true;
}

/* On a host the side that is this machine is every address. */
static bool host_shape(const struct bh_products *p, enum bh_hook hook)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct bh_product *one = &p->v[i];
		if (hook == BH_IN && !any_side(&one->dst, &one->src))
			return false;
		if (hook == BH_OUT && !any_side(&one->src, &one->dst))
			return false;
	}
	return true;
}

const char *bh_check_table(const struct bh_table *t)
{
	if (!t->n_gates)
		return "this policy blocks nothing here, so there is nothing to load";
	for (size_t i = 0; i < t->n_gates; i++) {
		const struct bh_gate *g = &t->gates[i];

		if (!our_port(g->service))
			return "the table names a port that is neither SMB, NetBIOS nor QUIC";
		if (t->gateway && g->hook != BH_FWD)
			return "a gateway's table judges only what it forwards";
		for (size_t c = 0; c < g->n_cases; c++) {
			const struct bh_gate_case *one = &g->cases[c];
			if (!host_shape(&one->admit, g->hook) ||
				!host_shape(&one->admit_same_port, g->hook))
				return "the table tells apart addresses of this machine itself";
		}
	}
	return NULL;
}
