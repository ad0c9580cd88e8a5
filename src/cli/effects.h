/*
 * effects: what a policy does to what is in use, for `plan` and `show surface`.
 */
#pragma once

#include "cli/cli.h"
#include "keeper/keeper.h"
#include "plan/plan.h"

/* What would break and the surface before and after, from the inventory: printed, or
 * added to doc as "impact" and "surface" (doc NULL: text).  No inventory is said, not
 * failed, unless one was named with --db.  BH_EXIT_NO when something would break. */
int bh_cli_effects(struct bh_cli *cli, const struct bh_ready *r, struct bh_arena *a, json_t *doc);

/* What lies on one link, from this machine's own interfaces. */
void bh_cli_links(struct bh_arena *a, struct bh_told *ret);

/* point, table and b as bh_plan_surface takes them; all NULL: no policy. */
json_t *bh_cli_surface_json(const struct bh_surface *s, bool policy);
void bh_cli_surface_print(const struct bh_surface *s, const struct bh_point *point);
