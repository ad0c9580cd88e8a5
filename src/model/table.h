/*
 * table: what one enforcing point must admit, as plain sets.
 *
 * The planner makes it, bulkhead-priv lowers it into the kernel, people read it as
 * nft text.  Equal policies give byte-equal tables (bh_table_encode).
 *
 * A gate is one service at one hook.  A packet of a gate is admitted if it is
 * loopback, or if one of the gate's products holds (source, destination); everything
 * else that reaches the gate is blocked.  Packets of no gate are not our business.
 */
#pragma once

#include "base/cur.h"
#include "model/flow.h"

/* Sources × destinations.  On a host the side that is this machine is the full set. */
struct bh_product {
	struct bh_addrset src, dst;
};

struct bh_products {
	const struct bh_product *v; /* sources pairwise disjoint, none empty */
	size_t n;
};

/* Who is counted for a sentence: of a list the first that holds (source, destination).
 * Nothing is decided by it. */
struct bh_count {
	uint32_t sentence; /* index into the table's */
	struct bh_addrset src, dst;
};

struct bh_counts {
	const struct bh_count *v;
	size_t n;
};

/* The same gate may look different on some interfaces (`localsubnet`). */
struct bh_gate_case {
	char ifname[BH_IFNAME]; /* "" for every interface not named by another case */
	struct bh_products admit;
	/* For udp/137 and udp/138 from their own port, which also admits what the
	 * opposite direction would; for all other services empty and unused. */
	struct bh_products admit_same_port;
	/* Which sentence a packet that was admitted, or blocked, is counted for; those that
	 * none holds are nobody's. */
	struct bh_counts allowed, allowed_same_port, blocked;
};

struct bh_gate {
	enum bh_hook hook;
	struct bh_service service;
	const struct bh_gate_case *cases; /* the "" case is last and always there */
	size_t n_cases;
};

/* A sentence of the policy, for people: "corp.policy:7: allow smb from clients to files",
 * printable ASCII without quotes and backslashes. */
struct bh_table_sentence {
	const char *text;
	bool block;
};

#define BH_HASH 32 /* SHA-256 */

struct bh_table {
	bool gateway; /* gates on BH_FWD only; a host that forwards has both */
	uint8_t policy_hash[BH_HASH]; /* of the bound policy this was made from */
	struct bh_addrset declared; /* networks that get a reset instead of silence */
	const struct bh_gate *gates; /* sorted by hook, proto, port */
	size_t n_gates;
	const struct bh_table_sentence *sentences;
	size_t n_sentences;
};

/* Limits that bound what a reader of an encoded table may be made to allocate. */
#define BH_MAX_GATES         64u
#define BH_MAX_CASES         64u
#define BH_MAX_PRODUCTS      65536u
#define BH_MAX_RANGES        2000000u /* of all sets that differ */
#define BH_MAX_SENTENCES     4096u
#define BH_MAX_SENTENCE_TEXT 200u

/* Makes any text fit to be a sentence's: other characters become '?', quotes become ',
 * and what is too long ends in dots.  ret has BH_MAX_SENTENCE_TEXT + 1 bytes. */
void bh_table_sentence_text(const char *text, char *ret);

/* One flat form, also the request to bulkhead-priv and the file loaded at boot. */
void bh_table_encode(const struct bh_table *t, struct bh_buf *ret);

/* Hostile input: 0, -EBADMSG (lies, disorder, overlaps, trailing bytes), -E2BIG (a
 * limit above) or -ENOMEM.  All memory is the arena's. */
BH_MUST int bh_table_decode(struct bh_span bytes, struct bh_arena *a, struct bh_table *ret);

bool bh_products_contain(
	const struct bh_products *p, const struct bh_addr *src, const struct bh_addr *dst);
