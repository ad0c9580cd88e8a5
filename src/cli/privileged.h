/* privileged: what the commands that need root begin with. */
#pragma once

#include "cli/cli.h"
#include "priv/priv.h"

/* Starts bulkhead-priv, then gives up our own capabilities: 0, or an exit status after
 * saying why (not root: one sentence that says what to do). */
int bh_cli_priv(const struct bh_cli *cli, struct bh_priv **ret);

/* "3f2a90c1b2d4": enough of a hash for people. */
const char *bh_cli_hash(const uint8_t hash[BH_HASH], char ret[13]);
