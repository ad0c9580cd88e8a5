#include <stdlib.h>

#include "sensor/state.h"

/* SipHash-1-3 over whole words: who chooses addresses and ports must not be able to
 * choose the bucket.  Aumasson and Bernstein, "SipHash: a fast short-input PRF". */
static inline uint64_t rotate(uint64_t v, unsigned n)
{
	return v << n | v >> (64 - n);
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static uint64_t siphash(const uint64_t key[2], const uint64_t *words, size_t n)
{
	uint64_t v[4] = { key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
		key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573 };

	for (size_t i = 0; i <= n; i++) {
		uint64_t m = i < n ? words[i] : (uint64_t)(n * 8) << 56;
		v[3] ^= m;
		sip_round(v);
		v[0] ^= m;
	}
	v[2] ^= 0xff;
	for (unsigned i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t flow_hash(const struct bh_sensor *s, const uint64_t *words, size_t n)
{
	return siphash(s->key, words, n);
}

/* Both directions of a connection have one key: the lower end first. */
struct ends {
	const struct bh_addr *addr[2];
	uint16_t port[2];
	unsigned side; /* which end sent this */
	size_t bucket;
};

static struct ends ends_of(const struct bh_sensor *s, const struct bh_segment *g)
{
	bool swap = g->src.num != g->dst.num ? g->src.num > g->dst.num : g->sport > g->dport;
	struct ends e = {
		.addr = { swap ? &g->dst : &g->src, swap ? &g->src : &g->dst },
		.port = { swap ? g->dport : g->sport, swap ? g->sport : g->dport },
		.side = swap,
	};
	uint64_t ports = (uint64_t)e.port[0] << 16 | e.port[1];
	uint64_t w[5] = { (uint64_t)e.addr[0]->num, (uint64_t)e.addr[1]->num,
		ports | (uint64_t)g->src.family << 32, (uint64_t)(e.addr[0]->num >> 64),
		(uint64_t)(e.addr[1]->num >> 64) };

	if (g->src.family == BH_V4)
		w[0] = w[0] << 32 | w[1];
	uint64_t v4[2] = { w[0], w[2] };
	uint64_t h = g->src.family == BH_V4 ? siphash(s->key, v4, 2) : siphash(s->key, w, 5);
	e.bucket = (size_t)h & (s->n_buckets - 1);
	return e;
}

/* Packets of one connection come in bursts: where it was found last is where it will be.
 * This is no hash to withstand anybody; who makes it miss makes us hash, no more. */
static struct flow **recent(
	struct bh_sensor *s, const struct bh_addr *a, const struct bh_addr *b, unsigned ports)
{
	uint64_t mixed = (uint64_t)(a->num ^ b->num) ^ (uint64_t)ports << 16;

	return &s->recent[mixed * 0x9e3779b97f4a7c15u >> (64 - RECENT_BITS)];
}

static struct flow **recent_of(struct bh_sensor *s, const struct bh_segment *g)
{
	return recent(s, &g->src, &g->dst, (unsigned)g->sport ^ g->dport);
}

static bool is_end(const struct flow *f, unsigned i, const struct bh_addr *addr, uint16_t port)
{
	return f->port[i] == port && bh_addr_equal(&f->addr[i], addr);
}

/* Which side of f sent this; 2: neither. */
static unsigned side_of(const struct flow *f, const struct bh_segment *g)
{
	if (is_end(f, 0, &g->src, g->sport) && is_end(f, 1, &g->dst, g->dport))
		return 0;
	if (is_end(f, 1, &g->src, g->sport) && is_end(f, 0, &g->dst, g->dport))
		return 1;
	return 2;
}

static void unlink_age(struct bh_sensor *s, struct flow *f)
{
	*(f->older ? &f->older->newer : &s->oldest) = f->newer;
	*(f->newer ? &f->newer->older : &s->newest) = f->older;
	f->older = f->newer = NULL;
}

static void link_newest(struct bh_sensor *s, struct flow *f)
{
	f->older = s->newest;
	*(s->newest ? &s->newest->newer : &s->oldest) = f;
	s->newest = f;
}

/* The order of age is kept to within age_slack packets; the oldest is never one in use. */
static void used(struct bh_sensor *s, struct flow *f)
{
	if (s->newest == f || (s->oldest != f && s->tally.packets - f->moved < s->age_slack))
		return;
	unlink_age(s, f);
	link_newest(s, f);
	f->moved = s->tally.packets;
}

static struct flow *find_hashed(struct bh_sensor *s, const struct bh_segment *g, unsigned *ret_side)
{
	struct ends e = ends_of(s, g);

	for (struct flow *f = s->buckets[e.bucket]; f; f = f->hash_next) {
		if (is_end(f, 0, e.addr[0], e.port[0]) && is_end(f, 1, e.addr[1], e.port[1])) {
			*ret_side = e.side;
			return f;
		}
	}
	return NULL;
}

struct flow *flow_find(struct bh_sensor *s, const struct bh_segment *g, unsigned *ret_side)
{
	struct flow **at = recent_of(s, g), *f = *at;
	unsigned side = f ? side_of(f, g) : 2;

	if (side == 2) {
		f = find_hashed(s, g, &side);
		if (!f)
			return NULL;
		*at = f;
	}
	used(s, f);
	*ret_side = side;
	return f;
}

struct flow *flow_add(struct bh_sensor *s, const struct bh_segment *g, unsigned *ret_side)
{
	struct ends e = ends_of(s, g);

	while (s->n_flows >= s->max_flows) {
		if (!s->oldest->closed && !s->oldest->foreign)
			s->tally.evicted++;
		flow_drop(s, s->oldest);
	}
	struct flow *f = calloc(1, sizeof *f);
	if (!f)
		return NULL;
	for (unsigned i = 0; i < 2; i++) {
		f->addr[i] = *e.addr[i];
		f->port[i] = e.port[i];
	}
	f->leaf.id = ++s->next_leaf;
	f->hash_next = s->buckets[e.bucket];
	s->buckets[e.bucket] = f;
	link_newest(s, f);
	f->moved = s->tally.packets;
	s->n_flows++;
	*ret_side = e.side;
	return f;
}

static void clear(struct bh_sensor *s, struct flow *f)
{
	for (unsigned i = 0; i < 2; i++)
		bh_stream_reset(&f->stream[i], &s->pool);
	while (f->pending)
		pending_drop(s, f, f->pending);
	sessions_drop(s, f);
}

void flow_forget(struct bh_sensor *s, struct flow *f)
{
	struct bh_segment g = {
		.src = f->addr[0], .dst = f->addr[1], .sport = f->port[0], .dport = f->port[1]
	};
	struct flow **at = &s->buckets[ends_of(s, &g).bucket];

	while (*at != f)
		at = &(*at)->hash_next;
	*at = f->hash_next;
	at = recent_of(s, &g);
	if (*at == f)
		*at = NULL;
	unlink_age(s, f);
	clear(s, f);
	free(f);
	s->n_flows--;
}

static void last_words(struct bh_sensor *s, struct flow *f)
{
	bool before = s->dropping;

	s->dropping = true;
	flow_end_streams(s, f);
	talk_end(s, f);
	tell_flow(s, f, true);
	s->dropping = before;
}

void flow_drop(struct bh_sensor *s, struct flow *f)
{
	last_words(s, f);
	flow_forget(s, f);
}

void flow_restart(struct bh_sensor *s, struct flow *f)
{
	last_words(s, f);
	clear(s, f);
	struct flow fresh = {
		.hash_next = f->hash_next,
		.older = f->older,
		.newer = f->newer,
		.addr = { f->addr[0], f->addr[1] },
		.port = { f->port[0], f->port[1] },
		.moved = f->moved,
		.leaf.id = ++s->next_leaf,
	};
	*f = fresh;
}
