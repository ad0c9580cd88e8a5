/*
 * Datagrams: some tell names, some are of RDMA, and any of the rest may begin a connection
 * of QUIC.
 */
#include "sensor/opaque.h"

enum { NETBIOS_NAMES = 137, NETBIOS_DATAGRAMS = 138, MDNS = 5353, LLMNR = 5355, ROCE = 4791 };

/* Of LLMNR and mDNS only answers, which come from there, tell anything. */
static bool tells_names(const struct bh_segment *g)
{
	return g->sport == NETBIOS_NAMES || g->dport == NETBIOS_NAMES ||
	       g->sport == NETBIOS_DATAGRAMS || g->dport == NETBIOS_DATAGRAMS || g->sport == MDNS ||
	       g->sport == LLMNR;
}

/* QUIC comes first: a client may choose any port for itself, and none hides it. */
int datagram(struct bh_sensor *s, const struct bh_segment *g)
{
	bool taken = false;
	int r = quic_datagram(s, g, &taken);

	if (!r && !taken && tells_names(g))
		r = names_datagram(s, g);
	else if (!r && !taken && g->dport == ROCE)
		r = rdma_datagram(s, g);
	return r ? r : s->error;
}
