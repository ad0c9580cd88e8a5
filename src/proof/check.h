/*
 * check: the walk through the space, and what it finds.
 */
#pragma once

#include "proof/packet.h"
#include "proof/proof.h"
#include "proof/space.h"

/* How a class was decided differently. */
enum fault { ADMITS, BLOCKS, DROPS, FAULTS };

/* One question about every (source, destination) class: which of them differ. */
struct sheet {
	struct sheet *next;
	enum bh_hook hook;
	uint8_t family, proto;
	struct bh_ranges ports;
	uint16_t port;
	const char *ifname; /* NULL: no interface in question */
	unsigned iface; /* its number; the others of the same question follow */
	unsigned n_ifaces;
	/* The situation, in three words each of which may be NULL, and how many there are of
	 * the latter two: when all of them differ, nobody needs to read their names. */
	const char *flags, *shape, *sport;
	unsigned n_flags, n_shapes, n_sports;
	const char *what; /* differ.c: the words joined */
	bool any_proto; /* the same: said of several protocols */
	enum fault fault;
	const struct classes *src, *dst;
	const uint8_t *map; /* src × dst, 1: differs */
};

struct check {
	struct bh_arena *a;
	const struct bh_judge *j;
	const struct rules *rules;
	const struct table *table;
	struct study study[2]; /* v4, v6 */
	struct path path[BH_HOOKS];
	struct bh_proof *proof;
	struct sheet *first, *last;
	size_t sheet_bytes;
	uint64_t steps; /* expressions that were evaluated */
};

#define MAX_SHEETS_BYTES (64u << 20)
#define MAX_ALL_STEPS    (1ull << 31) /* some ten seconds */

/* Exactly a SYN, of SYN and ACK: who opens a connection. */
static inline bool bh_check_syn(uint8_t flags)
{
	return (flags & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN;
}

/* walk.c: one family at one hook.  -ENOMEM, or -E2BIG: too much to ask. */
BH_MUST int bh_check_walk(struct check *c, enum bh_hook hook, uint8_t family);

/* differ.c: sheets that say the same become one; fills in the proof's differences. */
void bh_check_report(struct check *c);

/* foreign.c: what lies outside the proof. */
void bh_check_outside(struct check *c);
