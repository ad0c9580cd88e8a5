/*
 * rules: watching what anybody does to the packet filter: our table, and the rules of
 * others that contradict the policy.
 */
#pragma once

#include "cli/alert.h"
#include "cli/cli.h"
#include "keeper/keeper.h"

struct bh_rules; /* owned */

/* Listens from now on, and looks once.  heal: what was confirmed replaces what somebody
 * edited.  alerts may be NULL.  0 or an exit status, after saying why. */
int bh_rules_open(const struct bh_cli *cli, struct bh_priv *priv, bool heal,
	struct bh_alerts *alerts, struct bh_rules **ret);
struct bh_rules *bh_rules_free(struct bh_rules *r);
BH_AUTO_FREE(bh_rules)

/* What to poll for, and how long at most. */
int bh_rules_fd(const struct bh_rules *r);
int bh_rules_wait(const struct bh_rules *r);

/* Reads what is there, looks and heals where it is due, and prints what is new.  0 or a
 * negative errno: bulkhead-priv has gone. */
int bh_rules_step(struct bh_rules *r);

/* What stands, in a sentence. */
void bh_rules_format(const struct bh_rules *r, struct bh_buf *b);
