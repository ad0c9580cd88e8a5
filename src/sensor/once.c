/*
 * What servers say of themselves over and over is told once in a while.  Who answers may say
 * anything, and as much as it likes: so many are passed on between two flushes, or in so
 * many packets of a file, and no more.
 */
#include <stdlib.h>

#include "sensor/state.h"

#define SETS    256u /* of what was told; a power of two */
#define WAYS    4u
#define AT_ONCE 512u
#define PACKETS 65536u
#define AGAIN   (3600 * BH_SECOND)

struct slot {
	uint64_t hash; /* 0: free */
	bh_time told;
};

struct once {
	struct slot sets[SETS][WAYS];
	uint64_t since; /* packets counted when it began */
	unsigned told; /* since then */
};

static uint64_t hash_of(
	const struct bh_sensor *s, const struct bh_addr *server, const char *text, const char *more)
{
	uint64_t w[2 + 2 * BH_SHARE_TEXT / sizeof(uint64_t)] = {
		(uint64_t)server->num,
		(uint64_t)(server->num >> 64) ^ server->family,
	};
	size_t n = strlen(text), m = strlen(more);

	/* With the first one's end between them. */
	memcpy(w + 2, text, n);
	memcpy((char *)(w + 2) + n + 1, more, m);
	uint64_t h = flow_hash(s, w, 2 + (n + 1 + m + sizeof *w - 1) / sizeof *w);
	return h ? h : 1;
}

/* Its own slot, or that of its set which was told longest ago: what lost its place is told
 * again, which does no harm. */
static struct slot *slot_of(struct once *o, uint64_t h)
{
	struct slot *set = o->sets[h & (SETS - 1)], *oldest = set;

	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].hash == h)
			return &set[i];
		if (!set[i].hash || (oldest->hash && set[i].told < oldest->told))
			oldest = &set[i];
	}
	return oldest;
}

bool once_more(
	struct bh_sensor *s, const struct bh_addr *server, const char *text, const char *more)
{
	if (!s->once && !(s->once = calloc(1, sizeof *s->once))) {
		s->error = -ENOMEM;
		return false;
	}
	if (s->tally.packets - s->once->since >= PACKETS)
		once_flush(s);
	uint64_t h = hash_of(s, server, text, more);
	struct slot *slot = slot_of(s->once, h);
	if (slot->hash == h && s->now - slot->told < AGAIN)
		return false;
	if (s->once->told == AT_ONCE) {
		s->tally.evicted += slot->hash != h;
		return false;
	}
	s->once->told++;
	*slot = (struct slot){ h, s->now };
	return true;
}

void once_flush(struct bh_sensor *s)
{
	if (!s->once)
		return;
	s->once->since = s->tally.packets;
	s->once->told = 0;
}
