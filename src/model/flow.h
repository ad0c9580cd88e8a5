/*
 * flow: one packet's worth of question for the judge (doc/policy.md §3).
 */
#pragma once

#include "base/set.h"

enum bh_hook { BH_IN, BH_OUT, BH_FWD };
#define BH_HOOKS       3
#define BH_HOOK_BIT(h) (1u << (h))

extern const char *const bh_hook_names[BH_HOOKS]; /* "in", "out", "fwd" */

#define BH_TCP 6
#define BH_UDP 17

/* A server's port. */
struct bh_service {
	uint16_t port;
	uint8_t proto; /* BH_TCP or BH_UDP */
};

static inline bool bh_service_equal(struct bh_service a, struct bh_service b)
{
	return a.proto == b.proto && a.port == b.port;
}

/* udp/137 and udp/138 are spoken from their own port to their own port, so that a
 * question and its answer look alike: the judge admits either direction. */
static inline bool bh_service_symmetric(struct bh_service s)
{
	return s.proto == BH_UDP && (s.port == 137 || s.port == 138);
}

#define BH_IFNAME 16 /* the kernel's IFNAMSIZ, NUL included */

enum bh_profile { BH_DOMAIN, BH_PRIVATE, BH_PUBLIC };
#define BH_PROFILES       3
#define BH_PROFILE_BIT(p) (1u << (p))
#define BH_ALL_PROFILES   (BH_PROFILE_BIT(BH_PROFILES) - 1)

extern const char *const bh_profile_names[BH_PROFILES]; /* "domain", "private", "public" */

/* How well an IPsec association protects what goes through it, weakest first. */
enum bh_level { BH_CLEAR, BH_LEVEL_SECURE, BH_LEVEL_INTEGRITY, BH_LEVEL_ENCRYPTED };
enum bh_by { BH_BY_UNSAID, BH_BY_CERTIFICATE, BH_BY_KERBEROS };

extern const char *const bh_level_names[4]; /* "clear", "secure", "integrity", "encrypted" */
extern const char *const bh_by_names[3]; /* "", "certificate", "kerberos" */

/* The association a packet came through, or leaves through. */
struct bh_association {
	const char *const *groups; /* that the peer proved to be in; names without case */
	size_t n_groups;
	enum bh_level level; /* not BH_CLEAR */
	enum bh_by by; /* BH_BY_UNSAID meets no `by` */
};

struct bh_flow {
	struct bh_addr client, server; /* of one family */
	const struct bh_addrset *localsubnet; /* on-link prefixes of the interface; NULL: none */
	char iif[BH_IFNAME], oif[BH_IFNAME]; /* "" when unknown */
	enum bh_hook hook;
	enum bh_profile profile; /* of a roaming machine's interface; ignored elsewhere */
	struct bh_service service;
	uint16_t sport; /* 0: an ephemeral client port */
	const struct bh_association *secured; /* NULL: in clear */
};

enum bh_verdict { BH_PASS, BH_ALLOW, BH_SECURE, BH_BLOCK };

extern const char *const bh_verdict_names[4]; /* "pass", "allow", "secure", "block" */

struct bh_decision {
	enum bh_verdict verdict;
	bool admit;
	unsigned line; /* the sentence that decides; 0: none */
	const char *file; /* borrowed from the bound policy; NULL when line is 0 */
};
