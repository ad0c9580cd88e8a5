/*
 * places: where each host stands, and whether a client of the other family may be the
 * same machine over its other address.  The room's own.
 *
 * A place is a link of this machine, both families together, else one /24 or /64.  A
 * name that one machine bears over both families ties the places of its addresses.
 */
#pragma once

#include "plan/known.h"

struct tie {
	uint32_t place, other; /* both ways; sorted and distinct once ready */
};

struct place_clients {
	uint64_t named, nameless;
};

struct places {
	const struct known *known;
	uint32_t *of; /* by host; 0: no place of its own (link-local) */
	size_t n; /* 1 … n; the first n_links are links */
	size_t n_links;
	struct tie *ties;
	size_t n_ties, cap_ties;
	bool *tied[2]; /* by place: it has ties towards IPv4, IPv6 */
	bool *named; /* by host */
	bool *twin[2]; /* by host: its machine has an IPv4, IPv6 address that is known */
	/* By place: clients that may have another address; and of all places without ties. */
	struct place_clients *clients[2];
	struct place_clients loose[2];
};

BH_MUST int places_from(
	const struct known *k, const struct bh_told *told, struct bh_arena *a, struct places *ret);
bool places_is_link(const struct places *p, uint32_t place);

/* The hosts of one name. */
void places_of_name(struct places *p, const uint32_t *hosts, size_t n);
/* No more names follow. */
BH_MUST int places_ready(struct places *p, struct bh_arena *a);

/* Looks at who is a client, over any address of its name. */
void places_clients(struct places *p, const struct bh_told *told);

/* May some client of the other family be this host? */
bool places_other_client(const struct places *p, uint32_t host);
