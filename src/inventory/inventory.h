/*
 * inventory: folds facts into conversations, hosts and shares.
 *
 * Figures are kept per (conversation, source): a source told again replaces what it
 * said before, different sources are never summed twice, and the order of facts does
 * not matter.  Bounded: when a limit is reached the least recently seen leaf is given
 * up, counted, and said.
 */
#pragma once

#include "base/arena.h"
#include "model/fact.h"

struct bh_inventory; /* owned */

/* seed: random in production, fixed in tests; keys the hash against chosen input. */
struct bh_inventory *bh_inventory_new(uint64_t seed);
struct bh_inventory *bh_inventory_free(struct bh_inventory *inv); /* NULL is fine; returns NULL */
BH_AUTO_FREE(bh_inventory)

/* source: which evidence, as an id of the house's choosing.  -EBADMSG for an insane
 * fact (nothing changes), -ENOMEM. */
BH_MUST int bh_inventory_fold(struct bh_inventory *inv, uint32_t source, const struct bh_fact *f);

/* A row as it stands: one distinct conversation. */
struct bh_row {
	struct bh_conversation who;
	struct bh_figures figures; /* summed over its sources */
	const uint32_t *sources; /* ids, ascending */
	size_t n_sources;
};

/* All rows in bh_conversation_compare order, in the arena.  -ENOMEM. */
BH_MUST int bh_inventory_rows(
	const struct bh_inventory *inv, struct bh_arena *a, const struct bh_row **ret, size_t *n_ret);

struct bh_host_row {
	struct bh_addr addr;
	const char *name; /* from UNC paths and netnames; NULL unknown */
	const char *workstation; /* from NTLM as a client; NULL unknown */
	bool is_client, is_server;
	uint64_t served, used; /* connections as server, as client */
	uint8_t best_dialect; /* as a server: enum bh_dialect */
	uint8_t signing; /* as a server: enum bh_signing */
	bool smb1; /* really used as a server */
	bh_time first_seen, last_seen;
};

struct bh_share_row {
	struct bh_addr server;
	const char *share; /* UNC, as most often used */
	uint8_t type; /* enum bh_share_type */
	uint64_t clients, users, connections;
	uint64_t denied; /* connections whose TREE_CONNECT failed */
	int8_t encrypted;
	uint64_t bytes_to_server, bytes_to_client;
	bh_time last_seen;
};

/* Derived from rows; in the arena, sorted.  -ENOMEM. */
BH_MUST int bh_inventory_hosts(const struct bh_row *rows, size_t n, struct bh_arena *a,
	const struct bh_host_row **ret, size_t *n_ret);
BH_MUST int bh_inventory_shares(const struct bh_row *rows, size_t n, struct bh_arena *a,
	const struct bh_share_row **ret, size_t *n_ret);
