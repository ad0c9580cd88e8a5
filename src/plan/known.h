/*
 * known: the hosts an inventory knows, and what part each plays.  The room's own.
 */
#pragma once

#include "plan/pairs.h"

struct known_host {
	struct bh_addr addr;
	bool client; /* asked somebody and was answered */
	bool served; /* answered somebody with a session */
	bool server; /* the part it plays (struct bh_told) */
	bool vouched; /* roles.c: a name or its neighbours speak for a server */
	bool station; /* roles.c: its neighbours speak for a workstation */
	bool unsure; /* served too few to tell: perhaps a workstation's other address */
	uint8_t shares; /* SHARES_*: what was used there */
	/* Inside clients on shares that are not administrative: distinct, the first few. */
	uint8_t shared_to;
	uint32_t shared_with[BH_SERVER_CLIENTS];
	bh_time served_first, served_last; /* 0: not known */
};

#define SHARES_DOMAIN 1u /* SYSVOL or NETLOGON */
#define SHARES_DISK   2u
#define SHARES_PRINT  4u

/* What an address was called, or called itself: the first label of the name. */
struct alias {
	const char *name; /* whole */
	size_t len; /* of the first label */
	uint32_t host;
};

/* Sorted by address; IPv4 first. */
struct known {
	struct known_host *v;
	size_t n, split; /* hosts before that one are IPv4 */
	const struct alias *aliases; /* by name without case, then host */
	size_t n_aliases;
};

/* How many of aliases[from..] bear the name of the first, which is one machine's as far as
 * it goes. */
size_t known_machine(const struct known *k, size_t from);

/* The hosts of all pairs but loopback's, which are told theirs, and more. */
BH_MUST int known_from(struct pairs *p, const struct bh_told *told, const struct bh_addr *more,
	size_t n_more, struct bh_arena *a, struct known *ret);

/* Gives every host its part: known_from's last step. */
BH_MUST int known_roles(
	struct known *k, const struct pairs *p, const struct bh_told *told, struct bh_arena *a);

/* NULL when not known. */
struct known_host *known_find(const struct known *k, const struct bh_addr *addr);

/* Every link has the same link-local addresses: they tell nothing of a network. */
bool known_link_local(const struct bh_addr *a);

/* It served so many that it is a server whatever else it does. */
static inline bool known_strong(const struct known_host *h)
{
	return h->shared_to >= BH_SERVER_CLIENTS;
}

/* Of what worked: did it go to a host that is no server?  From another workstation it
 * is lateral movement's own road; from anywhere it is one that only a person can judge. */
static inline bool known_workstation(const struct known_host *h)
{
	return !h->server && !h->unsure;
}

/* What is asked of the judge about a pair, and as whom. */
struct known_flow {
	struct bh_flow is;
	const struct bh_view *view;
};

/* fwd: the view for what a host forwards.  False: the pair is not on the point's path. */
bool known_flow(const struct bh_point *p, const struct bh_view *fwd, const struct bh_addr *c,
	const struct bh_addr *s, struct bh_service svc, struct known_flow *ret);
