/*
 * warnings: the planner's checklist in words and as JSON, for `plan`.
 */
#pragma once

#include "cli/cli.h"
#include "plan/plan.h"

json_t *bh_cli_warnings_json(const struct bh_warning *v, size_t n);
void bh_cli_warnings_print(const struct bh_cli *cli, const struct bh_warning *v, size_t n);
