/*
 * lockout: what `apply` would cut of this machine's own SMB, told; and what may be cut all
 * the same, because somebody named it.
 */
#pragma once

#include "cli/cli.h"
#include "keeper/keeper.h"

/* --force WHAT, as often as it was given. */
struct bh_forced {
	const char **v;
	bool *used; /* it named something that would be cut */
	size_t n;
};

/* -ENOMEM. */
BH_MUST int bh_cli_force(struct bh_arena *a, struct bh_forced *f, const char *what);

/* Is this conversation named by one of them? */
bool bh_cli_forced(const struct bh_forced *f, const struct bh_contact *u);

/* "/mnt/home, //fs1/home at 10.10.0.21, tcp/445". */
void bh_cli_contact_format(const struct bh_contact *u, struct bh_buf *b);

/* The refusal, to people or as the one JSON document; returns BH_EXIT_NO. */
int bh_cli_refuse_lockout(const struct bh_cli *cli, const struct bh_lockout *l);
