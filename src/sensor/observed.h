/*
 * observed: what the records of a log say, folded into leaves before they are told.
 *
 * A log says the same thing a thousand times; a fact is two kilobytes.  So one leaf
 * stands for all records of one conversation, and one count for all of one kind.
 * Bounded: a full table tells all it has as closed and starts again.  The room's own.
 */
#pragma once

#include "evidence/evidence.h"
#include "sensor/sensor.h"

struct observed; /* owned */

BH_MUST int observed_new(bh_fact_fn sink, void *ctx, struct observed **ret);
struct observed *observed_free(struct observed *o);
static inline void observed_freep(struct observed **o)
{
	observed_free(*o);
}

/* -ENOMEM, or what sink said. */
BH_MUST int observed_add(struct observed *o, const struct bh_observation *seen);
BH_MUST int observed_name(struct observed *o, const struct bh_name_seen *name);
/* One record of that kind; read: it is of a kind that is understood. */
void observed_count(struct observed *o, struct bh_span provider, uint32_t id, bool read);

/* Tells what changed since; closed: for the last time. */
BH_MUST int observed_tell(struct observed *o, bool closed);
