/*
 * tighten: what of a policy nobody uses any more, for `plan --tighten`.
 */
#pragma once

#include "cli/ready.h"

#define BH_TIGHTEN_DAYS 90

int bh_cli_tighten(struct bh_cli *cli, const struct bh_where *w, int64_t days, struct bh_arena *a);
