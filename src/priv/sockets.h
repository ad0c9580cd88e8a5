/* sockets: the descriptors that bulkhead-priv opens for others. */
#pragma once

#include "priv/kernel.h"
#include "priv/priv.h"

BH_MUST int sockets_capture(
	const char *ifname, uint32_t mib, struct bh_priv_ring *ret, struct why *w);
BH_MUST int sockets_nflog(int *ret, struct why *w);
BH_MUST int sockets_changes(int *ret, struct why *w);
