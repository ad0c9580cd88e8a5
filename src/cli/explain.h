/*
 * explain: the judge's answers, one flow or many (explain.c, explain_batch.c).
 */
#pragma once

#include "cli/bound.h"
#include "policy/policy.h"

struct bh_explain {
	const struct bh_cli *cli;
	const struct bh_cli_bound *b;
	struct bh_arena *a;
};

/* A machine by its names and addresses, as `--host` and a flow's "host" give them; names
 * are resolved once with the policy's resolver, and those without address are fine. */
BH_MUST int bh_explain_host(const struct bh_explain *x, const char *const *words, size_t n,
	struct bh_view *ret, const struct bh_addr **addrs, size_t *n_addrs);

/* One JSON flow a line in, one answer a line out; an exit status. */
int bh_explain_batch(const struct bh_explain *x, const char *path);
