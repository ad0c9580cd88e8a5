/*
 * hosts: what rows, names and roles of machines share.  The room's own.
 */
#pragma once

#include "inventory/inventory.h"

struct vote {
	const char *text;
	uint64_t weight;
};

/* The text with the most weight, the first in order among equals; case counts as
 * spelling, not as difference.  NULL: no votes.  Sorts v. */
const char *vote_elect(struct vote *v, size_t n);

/* One end of two conversations: by address, and those without one by name. */
int end_compare(const struct bh_talk *x, bool x_server, const struct bh_talk *y, bool y_server);

/* A host's row, and which end of it the host is. */
struct part {
	const struct bh_row *row;
	bool served;
};

/* What a host did, summed up. */
struct deeds {
	uint64_t clients[BH_CLASSES]; /* served at work, by what kind of share */
	uint64_t servers; /* used at work */
	uint64_t shares; /* of disks, that were used here */
	uint32_t used; /* kinds of shares it used: a bit for each enum bh_share_class */
	uint32_t pipes_served, pipes_used;
	uint64_t written, read; /* bytes on others' disk shares */
	bool took_kerberos, took_others; /* logons */
	bool worked; /* as a client */
	const struct bh_name_seen *const *heard; /* of it, by address */
	size_t n_heard;
};

/* What everybody did. */
struct network {
	bool kerberos; /* most logons are by it */
	const struct bh_addrset *inside; /* may be NULL */
};

/* Fills in h->roles and h->evidence, from all else in *h and *d.  -ENOMEM. */
BH_MUST int roles_of(const struct deeds *d, const struct network *net, struct bh_arena *a,
	struct bh_host_row *h);
