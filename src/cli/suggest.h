/*
 * suggest: a suggestion as JSON, for `suggest`.
 */
#pragma once

#include "cli/cli.h"
#include "plan/plan.h"

/* policy: its text. */
json_t *bh_cli_suggestion_json(const struct bh_suggestion *s, const char *policy);
