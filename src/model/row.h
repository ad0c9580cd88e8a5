/*
 * row: what the inventory has folded its facts into.
 *
 * Plain values; texts and arrays belong to the arena they were made in.
 */
#pragma once

#include "model/conversation.h"

/* A row as it stands: one distinct conversation. */
struct bh_row {
	struct bh_conversation who;
	struct bh_figures figures; /* summed over its sources */
	const uint32_t *sources; /* ids, ascending */
	size_t n_sources;
};

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
