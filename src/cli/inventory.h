/*
 * inventory: all that was seen, as one: every command that asks what is there asks here.
 */
#pragma once

#include "cli/db.h"
#include "inventory/inventory.h"

struct bh_cli_inventory {
	const struct bh_row *rows; /* each conversation once, whatever saw it */
	size_t n;
	const uint8_t *purposes; /* beside them: enum bh_purpose */
	const struct bh_source_row *sources; /* ids ascending */
	size_t n_sources;
	struct bh_witnesses w;
	bool hidden; /* names are pseudonyms, and no key was given */
};

/* All that filter (may be NULL) leaves; missing and path as in cli/db.h.  Rows that
 * it does not leave may be among them, because others are joined with them (cli/narrow.h). */
int bh_cli_inventory(struct bh_cli *cli, const struct bh_store_filter *filter, struct bh_arena *a,
	struct bh_cli_inventory *ret, bool *missing, struct bh_buf *path);

/* Rows whose ends both have an address: a policy can judge no others.  What has none is
 * said, with how many. */
int bh_cli_inventory_addressed(
	const struct bh_cli *cli, struct bh_arena *a, struct bh_cli_inventory *inv);

/* What a source is called; "?" when it is not there. */
const char *bh_cli_inventory_label(const struct bh_cli_inventory *inv, uint32_t source);
