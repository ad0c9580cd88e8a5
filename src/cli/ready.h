/*
 * ready: from "-p FILE, --names F, --host H or --gateway" to a planned policy, the same
 * way for every command that takes one.
 */
#pragma once

#include "cli/cli.h"
#include "keeper/keeper.h"

struct bh_where {
	const char *policy; /* -p FILE, "-" for standard input */
	struct bh_span text; /* with a ptr: the policy itself, `policy` is what to call it */
	const char *names; /* --names FILE; NULL: the system's resolver */
	const char *host; /* --host NAME or ADDRESS; NULL: this machine */
	bool gateway;
	bool advise; /* warn of what is right and probably not meant, too */
};

/* Reads, parses, binds and plans, saying what is wrong.  0 or an exit status.  All of
 * *ret lives in the arena. */
int bh_cli_ready(const struct bh_cli *cli, const struct bh_where *w, struct bh_arena *a,
	struct bh_ready *ret);

/* "this host fs1 (10.10.0.10, fd00:10::10)", "a gateway". */
void bh_cli_place_format(const struct bh_place *p, struct bh_buf *ret);
