/*
 * filter: which rows of the inventory a `show` command is asked for.
 */
#pragma once

#include "cli/ready.h"
#include "model/row.h"

/* Options that every `show` takes; a command's own ids begin at BH_FILTER_IDS. */
enum {
	BH_FILTER_CLIENT = 1,
	BH_FILTER_SERVER,
	BH_FILTER_SHARE,
	BH_FILTER_USER,
	BH_FILTER_SINCE,
	BH_FILTER_IDS,
};

#define BH_FILTER_OPTIONS                                                                          \
	{ "client", 0, "WHO", "only this client: address, prefix or workstation name",             \
		BH_FILTER_CLIENT },                                                                \
		{ "server", 0, "WHO", "only this server: address, prefix or name",                 \
			BH_FILTER_SERVER },                                                        \
		{ "share", 0, "NAME", "only this share: its name, or \\\\server\\share",           \
			BH_FILTER_SHARE },                                                         \
		{ "user", 0, "NAME", "only this user: name, or DOMAIN\\name", BH_FILTER_USER },    \
	{                                                                                          \
		"since", 0, "DURATION", "only what was seen in the last 30d, 12h, 10m …",          \
			BH_FILTER_SINCE                                                            \
	}

struct bh_who {
	const char *name; /* as given; NULL: everybody */
	struct bh_addr addr; /* with no family: compare names */
	unsigned bits; /* of addr */
};

struct bh_filter { /* zeroed: everything */
	struct bh_who client, server;
	const char *share, *user;
	bh_time since;
};

/* One of the options above, its argument in cli->value.  0 or an exit status; any other
 * id is a word that no `show` takes. */
int bh_filter_take(struct bh_cli *cli, struct bh_filter *f, int id);

/* The rows that it leaves, packed together in the arena.  0 or an exit status. */
int bh_filter_rows(struct bh_cli *cli, const struct bh_filter *f, struct bh_arena *a,
	const struct bh_row **ret, size_t *n_ret);
