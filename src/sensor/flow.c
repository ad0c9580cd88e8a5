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

/* ---- age ---- */

static void unlink_age(struct bh_sensor *s, struct flow *f)
{
	struct ages *a = &s->ages[f->acquaintance];

	*(f->older ? &f->older->newer : &a->oldest) = f->newer;
	*(f->newer ? &f->newer->older : &a->newest) = f->older;
	f->older = f->newer = NULL;
	a->n--;
}

static void link_newest(struct bh_sensor *s, struct flow *f)
{
	struct ages *a = &s->ages[f->acquaintance];

	f->older = a->newest;
	*(a->newest ? &a->newest->newer : &a->oldest) = f;
	a->newest = f;
	a->n++;
}

static void become(struct bh_sensor *s, struct flow *f, uint8_t acquaintance)
{
	if (f->acquaintance == acquaintance)
		return;
	unlink_age(s, f);
	f->acquaintance = acquaintance;
	link_newest(s, f);
}

void flow_known(struct bh_sensor *s, struct flow *f)
{
	become(s, f, KNOWN);
}

/* Strangers have a quarter of the room for sure, so that they can become known. */
static struct flow *oldest_to_go(const struct bh_sensor *s)
{
	const struct ages *strangers = &s->ages[STRANGER], *known = &s->ages[KNOWN];

	return strangers->n && (!known->n || strangers->n > s->max_flows / 4) ? strangers->oldest
									      : known->oldest;
}

struct flow *flow_victim(const struct bh_sensor *s)
{
	if (s->ages[KNOWN].n > 1) /* those have them */
		return s->ages[KNOWN].oldest;
	return s->ages[STRANGER].n > 1 ? s->ages[STRANGER].oldest : NULL;
}

/* ---- flows ---- */

void flow_used(struct bh_sensor *s, struct flow *f)
{
	unlink_age(s, f);
	link_newest(s, f);
	f->moved = s->tally.packets;
}

struct flow *flow_search(struct bh_sensor *s, const struct bh_segment *g)
{
	struct flow *f = s->buckets[ends_of(s, g).bucket];

	while (f && flow_side(f, g) == NO_SIDE)
		f = f->hash_next;
	if (f)
		*flow_recent(s, g) = f;
	return f;
}

struct flow *flow_add(struct bh_sensor *s, const struct bh_segment *g, unsigned *ret_side)
{
	struct ends e = ends_of(s, g);

	while (s->n_flows >= s->max_flows) {
		struct flow *old = oldest_to_go(s);
		old->given_up = true;
		s->tally.evicted += !old->closed && !old->foreign;
		flow_drop(s, old);
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
	at = flow_recent(s, &g);
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
	become(s, f, STRANGER);
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
