/* counters: what the gates of one generation have stopped, from a dump. */
#pragma once

#include "priv/priv.h"

/* Sorted by hook, protocol, port; returns how many. */
size_t counters_read(
	struct bh_span dump, uint32_t generation, struct bh_priv_counter ret[BH_MAX_GATES]);
