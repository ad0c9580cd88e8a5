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
	BH_FACT_NAME, /* a name that an address goes by */
	BH_FACT_REFERRAL, /* where a part of a DFS namespace is */
	BH_FACT_EVENTS, /* how many records of one kind a log held so far; or a capture, of
			 * what is named and not looked into */
	BH_FACT_SHARE, /* a share that is there, used or not, or that is there no more */
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
	uint64_t evicted; /* flows, sessions, trees or names given up for lack of room */
	uint64_t unknown_frames; /* link or network layers we do not read */
	uint64_t flows; /* connections with SMB in them, or on its ports */
	uint64_t log_events; /* packets that our audit rules logged */
	uint64_t log_lost; /* times the audit log overran; our rules' counters know how many */
	uint64_t records; /* of a log file, understood or not */
	uint64_t unreadable; /* records that should have been understood */
};

/* What two processes counted, together. */
void bh_tally_add(struct bh_tally *to, const struct bh_tally *more);

/* Where a name was heard. */
enum bh_name_kind {
	BH_NAME_NETBIOS, /* RFC 1002 */
	BH_NAME_LLMNR, /* RFC 4795 */
	BH_NAME_MDNS, /* RFC 6762 */
	BH_NAME_LOG, /* a log told name and address together */
	BH_NAME_KINDS
};

/* What a host says of itself beside its name: bits. */
#define BH_ROLE_WORKSTATION       0x01u
#define BH_ROLE_FILE_SERVER       0x02u
#define BH_ROLE_DOMAIN_CONTROLLER 0x04u
#define BH_ROLE_BROWSER           0x08u
#define BH_ROLE_PRINT_SERVER      0x10u
#define BH_ROLES_ALL              0x1fu

struct bh_name_seen {
	struct bh_addr addr;
	bh_time when;
	uint8_t kind; /* enum bh_name_kind */
	uint8_t roles; /* BH_ROLE_* */
	uint8_t group; /* 1: a workgroup's or domain's name, not the host's own */
	char name[BH_NAME_TEXT];
};

#define BH_PATH_TEXT   512
#define BH_REMARK_TEXT 256

/* The latest word on a share counts. */
struct bh_share_seen {
	struct bh_addr server; /* family 0: known by its name alone */
	bh_time when;
	uint8_t gone; /* 1: it was taken away */
	char server_name[BH_NAME_TEXT]; /* "": not known */
	char share[BH_SHARE_TEXT]; /* as it was told: "\\*\Public" */
	char path[BH_PATH_TEXT]; /* on the server; "": not known */
	char remark[BH_REMARK_TEXT]; /* for people; "": none, or not known */
};

/* A server's word on where a part of a DFS namespace is: [MS-DFSC] 2.2.4. */
struct bh_referral {
	struct bh_addr server; /* who said so */
	bh_time when;
	uint32_t ttl; /* seconds for which it holds */
	uint8_t root; /* 1: the target is a whole namespace's, not a link's */
	char path[BH_SHARE_TEXT]; /* "\\corp.example\dfs\home"; "": not told */
	char target[BH_SHARE_TEXT]; /* "\\fs1\home" */
};

#define BH_PROVIDER_TEXT 96

/* Told again, it replaces: the count so far. */
struct bh_event_count {
	uint64_t count;
	uint32_t id;
	uint8_t read; /* 1: records of this kind are understood */
	char provider[BH_PROVIDER_TEXT]; /* or the kind of log: "full_audit", "conn"; of a
					  * capture: "RoCE v2" */
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
			uint8_t record; /* 1: of a log's record alone, and what follows is read */
			char text[BH_PROBLEM_TEXT]; /* NUL-terminated sentence */
		} problem;
		struct bh_name_seen name;
		struct bh_referral referral;
		struct bh_event_count events;
		struct bh_share_seen share;
	};
};

#define BH_FACT_MAGIC 0x62684631u /* "bhF1" */

/* A hostile sensor may say anything: true if every enum, flag, text and number of f
 * is within its type's promise (texts terminated, valid UTF-8, no control
 * characters; times and addresses sane).  What passes is safe to use. */
bool bh_fact_sane(const struct bh_fact *f);
