/*
 * Where the parts of DFS namespaces are, as servers answer it; each answer once in a while.
 * Who answers may say anything, and as much as it likes: so many are passed on between two
 * flushes, or in so many packets of a file, and no more.
 */
#include <stdlib.h>

#include "sensor/state.h"

#define SLOTS   1024u /* targets that were told; a power of two */
#define AT_ONCE 512u
#define PACKETS 65536u
#define AGAIN   (3600 * BH_SECOND)

struct referrals {
	struct slot {
		uint64_t hash; /* 0: free */
		bh_time told;
	} slots[SLOTS];
	uint64_t since; /* packets counted when it began */
	unsigned told; /* since then */
};

static uint64_t hash_of(const struct bh_sensor *s, const struct bh_referral *r)
{
	uint64_t w[2 + 2 * BH_SHARE_TEXT / sizeof(uint64_t)] = {
		(uint64_t)r->server.num,
		(uint64_t)(r->server.num >> 64) ^ r->server.family,
	};
	size_t n = strlen(r->path), more = strlen(r->target);

	/* With the path's end between them. */
	memcpy(w + 2, r->path, n);
	memcpy((char *)(w + 2) + n + 1, r->target, more);
	uint64_t h = flow_hash(s, w, 2 + (n + 1 + more + sizeof *w - 1) / sizeof *w);
	return h ? h : 1;
}

/* One slot for each hash: what lost its place is told again, which does no harm. */
static void one(struct bh_sensor *s, const struct bh_referral *r)
{
	struct referrals *all = s->referrals;
	uint64_t h = hash_of(s, r);
	struct slot *slot = &all->slots[h & (SLOTS - 1)];

	if (slot->hash == h && r->when - slot->told < AGAIN)
		return;
	if (all->told == AT_ONCE) {
		s->tally.evicted += slot->hash != h;
		return;
	}
	all->told++;
	*slot = (struct slot){ h, r->when };
	tell_referral(s, r);
}

void referral_answer(struct talk *t)
{
	struct bh_sensor *s = t->s;
	struct bh_referral v[BH_REFERRALS];
	size_t n = 0;
	int r = bh_dfs_answer(t->m, v, &n);

	if (r == -EBADMSG)
		talk_malformed(t);
	if (r || !n)
		return;
	if (!s->referrals && !(s->referrals = calloc(1, sizeof *s->referrals))) {
		s->error = -ENOMEM;
		return;
	}
	if (s->tally.packets - s->referrals->since >= PACKETS)
		referral_flush(s);
	for (size_t i = 0; i < n; i++) {
		v[i].server = t->f->addr[!t->f->client];
		v[i].when = s->now;
		one(s, &v[i]);
	}
}

void referral_flush(struct bh_sensor *s)
{
	if (!s->referrals)
		return;
	s->referrals->since = s->tally.packets;
	s->referrals->told = 0;
}
