/*
 * kinds: how many records of each kind a log held.  A bounded table; what it has no room
 * for is counted as "(others)".  Inside the room only.
 */
#pragma once

#include "evidence/evidence.h"

#define BH_KINDS 1024u

struct bh_kinds; /* owned */
BH_MUST int bh_kinds_new(uint64_t seed, struct bh_kinds **ret);
struct bh_kinds *bh_kinds_free(struct bh_kinds *k);

/* name is cleaned, and cut to what struct bh_event_count holds. */
void bh_kinds_add(struct bh_kinds *k, struct bh_span name, uint32_t id, bool read);

/* Those that grew since they were told, in the order they were first seen. */
BH_MUST int bh_kinds_tell(
	struct bh_kinds *k, int (*fn)(void *ctx, const struct bh_event_count *e), void *ctx);
