/*
 * packet: one packet as a class of packets sees it, and the interpreter that asks the
 * rules about it.
 */
#pragma once

#include "model/flow.h"
#include "proof/rules.h"

/* How much of a packet the rules can see. */
struct shape {
	const char *what; /* for people; NULL: a whole packet */
	bool l4proto; /* the upper protocol can be told */
	bool later; /* a fragment that is not the first */
	uint8_t transport; /* bytes of the transport header that are there */
	bool cut; /* nothing follows them */
	bool frag; /* a fragment header stands in front (IPv6) */
	uint16_t word; /* IPv6 fragment offset and flags, or IPv4's */
	uint8_t next; /* IPv6: the first header's next header; 0: the upper protocol */
};

/* What connection tracking says of it: bits as nf_conntrack_common.h has them. */
#define CT_INVALID     0x01u
#define CT_ESTABLISHED 0x02u
#define CT_RELATED     0x04u
#define CT_NEW         0x08u
#define CT_UNTRACKED   0x40u

#define FLAG_SYN 0x02
#define FLAG_ACK 0x10

struct packet {
	enum bh_hook hook;
	uint8_t family; /* BH_V4, BH_V6 */
	uint8_t proto, tcp_flags;
	uint16_t sport, dport;
	uint32_t ct;
	bh_u128 src, dst;
	char iif[BH_IFNAME], oif[BH_IFNAME];
	const struct shape *shape;
};

enum decision { ADMITTED, BLOCKED, LOGGED, UNKNOWN };

#define READ_SRC 1u
#define READ_DST 2u

struct answer {
	enum decision decision; /* LOGGED: admitted, and told to the log group */
	unsigned read; /* READ_*: what the path through the rules looked at */
	uint64_t steps; /* expressions that were evaluated */
	bool on_trial; /* an element that will expire decided */
	const struct rule *rule; /* UNKNOWN: where */
	const struct expr *expr;
	const char *why;
};

/* The chains a packet of each hook meets, in order. */
struct path {
	const struct chain **v;
	size_t n;
};

/* log_group: which log counts. */
void bh_packet_ask(
	const struct path *path, const struct packet *p, uint16_t log_group, struct answer *ret);

/* What a lookup finds: 1 found (*ret may be the catch-all), 0 not, -1 not understood. */
int bh_set_find(const struct set *s, const uint8_t *key, const struct elem **ret);
