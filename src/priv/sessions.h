/*
 * sessions: this machine's TCP connections that a table does not admit: ended at once, or
 * made known to connection tracking so that they go on.
 */
#pragma once

#include "model/table.h"
#include "priv/kernel.h"

/* Both tell how many.  Nothing of others is touched: only connections of the table's
 * gates that it admits on no interface. */
BH_MUST int sessions_cut(const struct bh_table *t, uint32_t *ret, struct why *w);
BH_MUST int sessions_keep(const struct bh_table *t, uint32_t *ret, struct why *w);
