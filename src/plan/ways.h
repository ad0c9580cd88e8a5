/*
 * ways: to whom each known host may speak SMB, by classes.  The room's own.
 *
 * What a gateway forwards follows from the table: its products have disjoint sources, so
 * hosts in the same product of every gate reach the same hosts.  What one host itself
 * decides the judge is asked for.  What no packet of passes the point stays open.
 */
#pragma once

#include "plan/verdicts.h"

enum { WAYS_SERVICES = 32 }; /* declared TCP services looked at */

struct ways {
	const struct known *known;
	uint32_t *of; /* by host: its way */
	/* By way: the hosts that it leads to, joined, all of one family.  Its own hosts may be
	 * among them; nobody is a pair with himself. */
	struct spans *to;
	size_t n;
	const uint32_t *stations; /* by host: workstations before it */
	/* Pairs (client, server) whose packets the point sees, and those of two workstations. */
	uint64_t judged, lateral_judged;
};

/* The SMB services of a policy: quic is udp, and so are NetBIOS names and datagrams; no
 * session goes over those. */
size_t ways_services(const struct bh_bound *b, struct bh_service ret[WAYS_SERVICES]);

/* point, table and v NULL: no policy.  v: verdicts of that point.  -ENOMEM. */
BH_MUST int ways_from(const struct known *k, const struct bh_point *point,
	const struct bh_table *table, struct verdicts *v, struct bh_arena *a, struct ways *ret);

/* May some SMB service be used?  By the judge. */
bool ways_open(struct verdicts *v, uint32_t client, uint32_t server);

/* Workstations among some hosts. */
uint64_t ways_stations(const struct ways *w, const struct spans *hosts);

/* From each host to all that can be walked to, one host after the other: how many, in
 * ret[by host], itself not counted.  -ENOMEM. */
BH_MUST int ways_reach(const struct ways *w, uint32_t *ret);
