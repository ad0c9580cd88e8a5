/*
 * Names that hosts tell, each once in a while.  Anybody may tell any number of them: so
 * many are passed on between two flushes, or in so many packets of a file, and no more.
 */
#include <stdlib.h>

#include "sensor/opaque.h"

#define SLOTS   4096u /* names that were told; a power of two */
#define AT_ONCE 1024u
#define PACKETS 65536u
#define AGAIN   (3600 * BH_SECOND)

struct names {
	struct slot {
		uint64_t hash; /* 0: free */
		bh_time told;
		uint8_t roles;
	} slots[SLOTS];
	uint64_t since; /* packets counted when it began */
	unsigned told; /* since then */
};

static uint64_t name_hash(const struct bh_sensor *s, const struct bh_name_seen *n)
{
	uint64_t w[3 + BH_NAME_TEXT / sizeof(uint64_t)] = { (uint64_t)n->addr.num,
		(uint64_t)(n->addr.num >> 64),
		(uint64_t)n->group << 16 | (uint64_t)n->kind << 8 | n->addr.family };
	size_t len = strlen(n->name);

	memcpy(w + 3, n->name, len);
	uint64_t h = flow_hash(s, w, 3 + (len + sizeof *w - 1) / sizeof *w);
	return h ? h : 1;
}

/* One slot for each hash: a name that lost its place is told again, which does no harm. */
static void one_name(struct bh_sensor *s, struct names *all, const struct bh_name_seen *n)
{
	uint64_t h = name_hash(s, n);
	struct slot *slot = &all->slots[h & (SLOTS - 1)];
	bool known = slot->hash == h;

	if (known && !(n->roles & ~slot->roles) && n->when - slot->told < AGAIN)
		return;
	if (all->told == AT_ONCE) {
		s->tally.evicted += !known;
		return;
	}
	all->told++;
	*slot = (struct slot){ h, n->when, (uint8_t)(n->roles | (known ? slot->roles : 0)) };
	tell_named(s, n);
}

int names_datagram(struct bh_sensor *s, const struct bh_segment *g)
{
	struct bh_name_seen seen[BH_NAMES];
	size_t n;
	int r = bh_names_read(g->payload, &g->src, g->sport, g->dport, seen, &n);

	if (r == -EBADMSG) {
		if (g->wire_len > g->payload.len)
			s->tally.truncated_packets++;
		else
			s->tally.malformed++;
	}
	if (r)
		return 0;
	if (!s->names)
		s->names = calloc(1, sizeof *s->names);
	if (!s->names)
		return -ENOMEM;
	if (s->tally.packets - s->names->since >= PACKETS)
		names_flush(s);
	for (size_t i = 0; i < n; i++) {
		seen[i].when = s->now;
		one_name(s, s->names, &seen[i]);
	}
	return 0;
}

void names_flush(struct bh_sensor *s)
{
	if (!s->names)
		return;
	s->names->since = s->tally.packets;
	s->names->told = 0;
}
