/*
 * known: the hosts an inventory knows, and what part each plays.  The room's own.
 */
#pragma once

#include "plan/plan.h"

struct known_host {
	struct bh_addr addr;
	bool client; /* asked somebody and was answered */
	bool served; /* answered somebody with a session */
	bool server; /* the part it plays (struct bh_told) */
	bool vouched; /* roles.c: a name or its neighbours speak for a server */
	bool station; /* roles.c: its neighbours speak for a workstation */
	bool unsure; /* served too few to tell: perhaps a workstation's other address */
	uint8_t shares; /* SHARES_*: what was used there */
	uint32_t shared_to; /* inside clients on shares that are not administrative */
	uint32_t segment; /* surface.c: on-link prefix it lies in; 0: none known */
	uint32_t group; /* surface.c: hosts that reach the same servers */
};

#define SHARES_DOMAIN 1u /* SYSVOL or NETLOGON */
#define SHARES_DISK   2u
#define SHARES_PRINT  4u

/* Sorted by address; IPv4 first. */
struct known {
	struct known_host *v;
	size_t n;
};

/* pairs: known_by_pair's; more: known too. */
BH_MUST int known_from(const struct bh_row *const *pairs, size_t n, const struct bh_told *told,
	const struct bh_addr *more, size_t n_more, struct bh_arena *a, struct known *ret);

/* Gives every host its part: known_from's last step. */
BH_MUST int known_roles(struct known *k, const struct bh_row *const *pairs, size_t n,
	const struct bh_told *told, struct bh_arena *a);

/* NULL when not known. */
struct known_host *known_find(const struct known *k, const struct bh_addr *addr);

/* Of what worked: did it go to a host that is no server?  From another workstation it
 * is lateral movement's own road; from anywhere it is one that only a person can judge. */
bool known_to_workstation(const struct known *k, const struct bh_addr *server);

/* Of a machine with itself: the policy never governs it. */
bool known_loopback(const struct bh_talk *c);

/* What a policy calls the port, as a packet filter sees it. */
struct bh_service known_service(const struct bh_talk *c);

/* Rows as pointers in one order whatever order they came in: service, server, client,
 * then the rest.  NULL when memory ran out. */
const struct bh_row **known_by_pair(const struct bh_row *rows, size_t n, struct bh_arena *a);

/* How many of rows[0..] belong to the pair of rows[0]. */
size_t known_pair_len(const struct bh_row *const *rows, size_t n);

/* Does this point see the pair's packets, and if so, what is decided?  fwd: the view
 * for what a host forwards.  False: not on its path. */
bool known_judge(const struct bh_bound *b, const struct bh_point *p, const struct bh_view *fwd,
	const struct bh_addr *c, const struct bh_addr *s, struct bh_service svc,
	struct bh_decision *ret);
