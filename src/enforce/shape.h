/*
 * shape: the one description of what a table looks like in the kernel.
 *
 * shape.c walks a table and says "this set, this chain, this rule" to a writer.  The
 * text writer and the netlink writer hear the same, so they cannot say two things.
 */
#pragma once

#include "enforce/enforce.h"

#define NAME_LEN 96 /* longest name of a chain or set we make, NUL included */

enum stmt_kind {
	S_LEASE, /* meta nfproto @lease */
	S_DISPATCH, /* meta l4proto . th dport vmap @name */
	S_IIFNAME, /* iifname "name" */
	S_OIFNAME,
	S_FAMILY, /* meta nfproto ipv4|ipv6 */
	S_SRC_LOOPBACK, /* ip saddr 127.0.0.0/8, ip6 saddr ::1 */
	S_DST_LOOPBACK,
	S_ESTABLISHED, /* ct state established */
	S_NOT_SYN, /* tcp flags & (syn|ack) != syn */
	S_SPORT, /* udp sport N */
	S_SRC_SET, /* ip|ip6 saddr @name */
	S_DST_SET,
	S_SRC_VMAP, /* ip|ip6 saddr vmap @name */
	S_FRAG, /* exthdr frag exists */
	S_FRAG_LATER, /* frag frag-off != 0 */
	S_PORT_READABLE, /* th dport 0-65535: true whenever it can be read at all */
	S_COUNTER,
	S_DST_VMAP, /* ip|ip6 daddr vmap @name */
	S_LIMIT,
	S_LOG, /* log prefix "name" group 445 */
	S_TCP, /* meta l4proto tcp, which S_RESET needs before it */
	S_RESET, /* reject with tcp reset */
	S_DROP,
	S_ACCEPT,
	S_RETURN,
	S_GOTO,
	S_JUMP,
};

struct stmt {
	enum stmt_kind kind;
	uint8_t family; /* BH_V4, BH_V6 */
	uint16_t port;
	const char *name; /* a set, chain, interface or log prefix */
};

#define MAX_STMTS 6

enum set_kind { SET_LEASE, SET_PORTS, SET_ADDRS, SET_ADDR_VMAP };

/* One element of a verdict map: where a range of sources, or a port, goes. */
struct way {
	struct bh_range range; /* SET_ADDR_VMAP */
	struct bh_service service; /* SET_PORTS */
	const char *chain; /* NULL: accept (SET_ADDR_VMAP) */
};

struct set_def {
	const char *name;
	enum set_kind kind;
	uint8_t family;
	uint32_t timeout; /* seconds, SET_LEASE */
	struct bh_ranges ranges; /* SET_ADDRS */
	const struct way *ways; /* the maps */
	size_t n_ways;
};

/* Each returns 0 or a negative errno, which ends the walk. */
struct writer {
	void *ctx;
	int (*chain)(void *ctx, const char *name, const char *comment); /* comment may be NULL */
	int (*base_chain)(void *ctx, const char *name, enum bh_hook hook);
	int (*set)(void *ctx, const struct set_def *s); /* the set and its elements */
	int (*rule)(void *ctx, const char *chain, const struct stmt *v, size_t n);
};

extern const char *const base_chain_names[BH_HOOKS]; /* "input", "output", "forward" */

/* What a generation consists of, base chains' rules excepted: chains before what goes to
 * them, and a set or map that several gates need only once.  Which hooks have gates comes
 * back in *hooks. */
BH_MUST int shape_generation(const struct bh_load *l, const struct writer *w, unsigned *hooks);

/* The rules of the base chains: trial first, then former.  gen 0: nothing. */
BH_MUST int shape_base_rules(uint32_t trial, unsigned trial_hooks, uint32_t settled,
	unsigned settled_hooks, const struct writer *w);
