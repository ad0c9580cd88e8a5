/*
 * fact: one fixed-size record from the sensor, which trusts no packet, to the next
 * process, which does not trust the sensor.
 *
 * A *leaf* is the most specific thing seen so far of one connection: a tree of a
 * session, else a session, else the connection itself.  A fact tells a leaf whole:
 * its identity and its figures since its start.  A later fact of the same leaf
 * replaces the earlier one, so telling it twice or telling it late does no harm.
 */
#pragma once

#include "model/conversation.h"

enum bh_fact_kind {
	BH_FACT_LEAF = 1, /* a leaf as known now */
	BH_FACT_LEAF_GONE, /* what was told of this leaf is now told by others: forget it */
	BH_FACT_TALLY, /* what was counted so far: the sensor's own honesty */
	BH_FACT_PROBLEM, /* input that could not be believed, with its place */
	BH_FACT_END, /* the source is exhausted; nothing follows */
};

/* Everything that was not followed to its end, counted. */
struct bh_tally {
	uint64_t packets, bytes; /* as captured */
	uint64_t messages; /* SMB messages seen, bodies skipped or not */
	uint64_t kernel_drops; /* live only */
	uint64_t truncated_packets; /* snaplen cut what was needed */
	uint64_t fragments; /* IP fragments, not followed */
	uint64_t gaps; /* holes in a stream that were stepped over */
	uint64_t gap_bytes;
	uint64_t malformed; /* messages refused by the parser */
	uint64_t evicted; /* flows, sessions or trees given up for lack of room */
	uint64_t unknown_frames; /* link or network layers we do not read */
	uint64_t flows; /* TCP connections with SMB in them, or on its ports */
	uint64_t log_events; /* packets that our audit rules logged */
	uint64_t log_lost; /* times the audit log overran; our rules' counters know how many */
};

#define BH_PROBLEM_TEXT 192

struct bh_fact {
	uint32_t magic; /* BH_FACT_MAGIC */
	uint32_t kind; /* enum bh_fact_kind */
	uint64_t leaf; /* unique within one source */
	uint64_t revision; /* grows per leaf */
	union {
		struct {
			struct bh_conversation who;
			struct bh_figures figures;
			uint8_t closed; /* 1: nothing more will come of this leaf */
		} leaf_is;
		struct bh_tally tally;
		struct {
			uint64_t offset;
			char text[BH_PROBLEM_TEXT]; /* NUL-terminated sentence */
		} problem;
	};
};

#define BH_FACT_MAGIC 0x62684631u /* "bhF1" */

/* A hostile sensor may say anything: true if every enum, flag, text and number of f
 * is within its type's promise (texts terminated, valid UTF-8, no control
 * characters; times and addresses sane).  What passes is safe to use. */
bool bh_fact_sane(const struct bh_fact *f);
