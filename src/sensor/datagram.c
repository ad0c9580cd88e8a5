/*
 * Datagrams: some are of RDMA, and any of the rest may begin a connection of QUIC.
 */
#include "sensor/opaque.h"

enum { ROCE = 4791 };

/* QUIC comes first: a client may choose any port for itself, and none hides it. */
int datagram(struct bh_sensor *s, const struct bh_segment *g)
{
	bool taken = false;
	int r = quic_datagram(s, g, &taken);

	if (!r && !taken && g->dport == ROCE)
		r = rdma_datagram(s, g);
	return r ? r : s->error;
}
