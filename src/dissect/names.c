#include "dissect/names.h"

enum {
	PORT_NETBIOS_NAMES = 137,
	PORT_NETBIOS_DATAGRAMS = 138,
	PORT_MDNS = 5353,
	PORT_LLMNR = 5355
};

/* An address that one host has: RFC 1122 3.2.1.3, RFC 4291 2.7. */
static bool is_a_host(const struct bh_addr *a)
{
	if (a->family == BH_V4) {
		unsigned first = (unsigned)(a->num >> 24) & 0xff;
		return first && first != 127 && first < 224;
	}
	return a->family == BH_V6 && a->num > 1 && a->num >> 120 != 0xff;
}

void tell_name(struct told *t, const struct bh_name_seen *seen)
{
	if (!seen->name[0] || !is_a_host(&seen->addr))
		return;
	for (size_t i = 0; i < t->n; i++) {
		struct bh_name_seen *was = &t->v[i];
		if (was->group == seen->group && bh_addr_equal(&was->addr, &seen->addr) &&
			!strcmp(was->name, seen->name)) {
			was->roles |= seen->roles;
			return;
		}
	}
	if (t->n < BH_NAMES)
		t->v[t->n++] = *seen;
}

int bh_names_read(struct bh_span payload, const struct bh_addr *src, uint16_t sport, uint16_t dport,
	struct bh_name_seen ret[BH_NAMES], size_t *ret_n)
{
	struct bh_cur c = bh_cur_of(payload);
	struct told t = { .v = ret };
	bool good;

	if (sport == PORT_NETBIOS_DATAGRAMS || dport == PORT_NETBIOS_DATAGRAMS)
		good = read_netbios_datagram(&c, &t);
	else if (sport == PORT_NETBIOS_NAMES || dport == PORT_NETBIOS_NAMES)
		good = read_netbios_names(&c, src, &t);
	else if (sport == PORT_MDNS) /* RFC 6762 6: answers from elsewhere are ignored */
		good = read_mdns(&c, src, &t);
	else if (sport == PORT_LLMNR)
		good = read_llmnr(&c, &t);
	else
		return -ENOMSG;
	if (!good)
		return -EBADMSG;
	*ret_n = t.n;
	return 0;
}
