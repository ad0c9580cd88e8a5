/*
 * digest: one number for everything of our table that must not change by itself.
 *
 * Left out: handles, use counts, counters' values, expirations, and the elements of the
 * lease (which lapse by themselves; act.c looks at them).  All else counts, whether it
 * changes a decision or not: a comment, a redundant element, a rule's place.
 */
#pragma once

#include "base/nl.h"
#include "model/table.h"

void digest_dump(struct bh_span dump, uint8_t ret[BH_HASH]);

/* A message of table inet bulkhead? */
bool message_is_ours(const struct bh_nl_message *m);
