/*
 * filter: which rows of the inventory a command is asked for.
 */
#pragma once

#include "cli/inventory.h"
#include "cli/ready.h"

/* Options that every `show` takes; a command's own ids begin at BH_FILTER_IDS. */
enum {
	BH_FILTER_CLIENT = 1,
	BH_FILTER_SERVER,
	BH_FILTER_SHARE,
	BH_FILTER_USER,
	BH_FILTER_PURPOSE,
	BH_FILTER_SINCE,
	BH_FILTER_UNTIL,
	BH_FILTER_SORT,
	BH_FILTER_LIMIT,
	BH_FILTER_CSV,
	BH_FILTER_IDS,
};

#define BH_WINDOW_OPTIONS                                                                          \
	{ "since", 0, "WHEN", "only what was seen since 2026-01-31, yesterday, 30d …",             \
		BH_FILTER_SINCE },                                                                 \
	{                                                                                          \
		"until", 0, "WHEN", "only what was seen until then", BH_FILTER_UNTIL               \
	}

#define BH_FILTER_OPTIONS                                                                          \
	{ "client", 0, "WHO", "only this client: address, prefix or workstation name",             \
		BH_FILTER_CLIENT },                                                                \
		{ "server", 0, "WHO", "only this server: address, prefix or name",                 \
			BH_FILTER_SERVER },                                                        \
		{ "share", 0, "NAME", "only this share: its name, or \\\\server\\share",           \
			BH_FILTER_SHARE },                                                         \
		{ "user", 0, "NAME", "only this user: name, or DOMAIN\\name", BH_FILTER_USER },    \
		{ "purpose", 0, "WORD", "only what is for gpo, file, print, admin … or unknown",   \
			BH_FILTER_PURPOSE },                                                       \
		BH_WINDOW_OPTIONS

#define BH_LIST_OPTIONS                                                                            \
	{ "sort", 0, "KEY", "in this order (--sort help lists them)", BH_FILTER_SORT },            \
		{ "limit", 0, "N", "so many at most; what is left out is said", BH_FILTER_LIMIT }, \
	{                                                                                          \
		"csv", 0, NULL, "comma-separated values, as RFC 4180 has them", BH_FILTER_CSV      \
	}

struct bh_who {
	const char *name; /* as given; NULL: everybody */
	struct bh_addr addr; /* with no family: compare names */
	unsigned bits; /* of addr */
};

struct bh_filter { /* zeroed: everything */
	struct bh_who client, server;
	const char *share, *user;
	bool by_purpose;
	uint8_t purpose;
	bh_time since, until; /* 0: not given */
	const char *sort;
	size_t limit; /* 0: all */
	bool csv;
	bool rows_alone; /* by the command: nothing is asked about machines beside these rows */
};

/* One of the options above, its argument in cli->value.  0 or an exit status; any other
 * id is a word that no `show` takes. */
int bh_filter_take(struct bh_cli *cli, struct bh_filter *f, int id);

/* The inventory of the window since..until; rows that overlap it. */
int bh_filter_inventory(struct bh_cli *cli, const struct bh_filter *f, struct bh_arena *a,
	struct bh_cli_inventory *ret);

/* Of it the rows that all else leaves, packed together in the arena; ret may be inv. */
int bh_filter_pick(const struct bh_cli *cli, const struct bh_filter *f, struct bh_arena *a,
	const struct bh_cli_inventory *inv, struct bh_cli_inventory *ret);

/* Is it asked for less than everything in the window? */
bool bh_filter_narrows(const struct bh_filter *f);

/* Is this who is meant?  Names are compared without their case. */
bool bh_filter_is(const struct bh_who *w, const struct bh_addr *addr, const char *name);
