/*
 * Datagrams: any of them may begin a connection of QUIC.
 */
#include "sensor/opaque.h"

int datagram(struct bh_sensor *s, const struct bh_segment *g)
{
	bool taken = false;
	int r = quic_datagram(s, g, &taken);

	return r ? r : s->error;
}
