/*
 * suggest: what the parts of the suggestion share.  The room's own.
 *
 *   pairs ─needs─► needs, and what is left out ─grants or budget─► grants ─rules─► sentences
 */
#pragma once

#include "plan/known.h"

/* Is a pair needed?  One for each pair, in their order. */
struct need {
	const struct pair *p;
	unsigned service; /* one BH_SVC_*; 0: not governed */
	enum bh_left_out why; /* BH_LEFTS: needed */
};

/* The part of a set of servers, by what is used there. */
enum role { DCS, FILES, PRINTERS, SERVERS, ROLES };

/* Hosts (known.h), ascending. */
struct hosts {
	const uint32_t *v;
	size_t n;
};

/* A rule before it has words: these clients may use these services of these servers. */
struct grant {
	unsigned services; /* BH_SVC_* */
	struct hosts clients, servers;
};

struct suggest {
	const struct bh_suggest_options *o;
	const struct bh_row *rows; /* as they were given, beside o->purposes */
	struct bh_arena *a;
	struct pairs pairs;
	struct known known;
	struct need *needs; /* one for each pair */
	uint32_t *first; /* by host: its needs as a server are first[h] … first[h + 1] */
	struct grant *grants;
	size_t n_grants;
	struct bh_suggestion out;
};

/* Each returns -ENOMEM when memory runs out. */
BH_MUST int suggest_needs(struct suggest *s);
BH_MUST int suggest_left(struct suggest *s);
BH_MUST int suggest_grants(struct suggest *s);
BH_MUST int suggest_budget(struct suggest *s);
BH_MUST int suggest_rules(struct suggest *s);
BH_MUST int suggest_admitted(struct suggest *s);

enum role suggest_role(const struct suggest *s, uint32_t host);

/* The first that differs decides. */
int suggest_hosts_compare(const struct hosts *x, const struct hosts *y);
bool suggest_hosts_hold(const struct hosts *h, uint32_t host);
/* Sorts; returns how many are left. */
size_t suggest_hosts_distinct(uint32_t *v, size_t n);

/* A /24 or /64 is never wider than the block that makes its addresses inside ones; no
 * network stands for link-local addresses, which mean another machine on every link. */
bool suggest_may_widen(const struct suggest *s, uint8_t family, bh_u128 lo, bh_u128 hi);

/* The clients of a grant as addresses; ret->network, ret->except where many of one
 * network stand for it. */
void suggest_clients(struct suggest *s, const struct grant *g, struct bh_suggested_set *ret);

/* Sums up; what does not fit into memory leaves the arena failed. */
void suggest_seen(
	const struct suggest *s, const struct need *const *needs, size_t n, struct bh_seen *ret);

/* What clients called these servers, sorted and distinct. */
void suggest_called(const struct need *const *needs, size_t n, struct bh_arena *a,
	struct bh_suggested_set *ret);

/* Takes addresses of ret->addrs out that a name of ret->called stands for. */
void suggest_machines(
	const struct bh_names *names, struct bh_arena *a, struct bh_suggested_set *ret);
