/*
 * firsts: alerts for what was never seen before: a server, and a pair that the policy on
 * audit would cut.
 */
#pragma once

#include "cli/alert.h"
#include "inventory/inventory.h"
#include "store/store.h"

struct bh_firsts; /* owned */

/* What the database has is known.  NULL: no memory. */
struct bh_firsts *bh_firsts_new(struct bh_store *s, struct bh_alerts *a);
struct bh_firsts *bh_firsts_free(struct bh_firsts *f);
BH_AUTO_FREE(bh_firsts)

/* A row that is new or changed; f may be NULL. */
void bh_firsts_row(struct bh_firsts *f, const struct bh_row *row);
