/*
 * keeping: what whoever writes into a database is asked about personal data in it: for how
 * long it is kept, and under which names.
 */
#pragma once

#include "cli/key.h"

/* The options of `read` and `watch`, with their ids. */
#define BH_KEEPING_OPTIONS(retain_id, hide_id)                                                     \
	{ "retain", 0, "DAYS", "forget what was last seen longer ago", retain_id },                \
	{                                                                                          \
		"pseudonymise", 0, "KEYFILE", "keep users and workstations as pseudonyms", hide_id \
	}

/* --retain's argument; 0 or an exit status. */
int bh_cli_retain_days(const struct bh_cli *cli, uint32_t *ret);

/* Forgets what was last seen more than so many days before now, in a batch of its own.
 * 0 or -errno; *ret: how many (conversation, source) went. */
BH_MUST int bh_cli_forget(struct bh_store *s, uint32_t days, unsigned wait_ms, uint64_t *ret);
/* The same, and says what went.  0 or an exit status. */
int bh_cli_retain(const struct bh_cli *cli, struct bh_store *s, uint32_t days, uint64_t *ret);
