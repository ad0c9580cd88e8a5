#include <stdlib.h>

#include "sensor/opaque.h"

#define MOST      4096u /* that are SMB: 2.5 MB */
#define WAITING   256u /* whose ClientHello is not complete: 5 MB */
#define OF_ONE    8u /* of them, from one client */
#define PATIENCE  (3 * BH_SECOND)
#define STALE     (10 * BH_SECOND) /* nobody waits longer for the rest of a ClientHello */
/* As for other connections (core.c). */
#define KEEP_IDLE (24 * 3600 * BH_SECOND)
#define KEEP_OVER (60 * BH_SECOND)
#define RETRY     (BH_SECOND / 4)

struct opaques *opaque_all(struct bh_sensor *s)
{
	if (!s->opaques)
		s->opaques = calloc(1, sizeof *s->opaques);
	return s->opaques;
}

/* ---- where they are ---- */

/* One bucket for both directions: the lower end first. */
static struct opaque **bucket_of(struct bh_sensor *s, const struct opaque_ends *e)
{
	bool swap = e->src->num != e->dst->num ? e->src->num > e->dst->num : e->sport > e->dport;
	const struct bh_addr *lo = swap ? e->dst : e->src, *hi = swap ? e->src : e->dst;
	uint32_t lo_port = swap ? e->dport : e->sport, hi_port = swap ? e->sport : e->dport;
	const uint64_t w[] = { (uint64_t)lo->num, (uint64_t)(lo->num >> 64), (uint64_t)hi->num,
		(uint64_t)(hi->num >> 64), (uint64_t)lo_port << 32 | hi_port,
		(uint64_t)lo->family << 8 | e->over };

	return &s->opaques->buckets[flow_hash(s, w, BH_LEN(w)) & (BH_LEN(s->opaques->buckets) - 1)];
}

static bool is_end(const struct opaque *o, unsigned i, const struct bh_addr *addr, uint32_t port)
{
	return o->port[i] == port && bh_addr_equal(&o->addr[i], addr);
}

struct opaque *opaque_find(struct bh_sensor *s, const struct opaque_ends *e, bool *ret_from_server)
{
	struct opaque *o = s->opaques ? *bucket_of(s, e) : NULL;

	for (; o; o = o->hash_next) {
		bool there = is_end(o, 0, e->src, e->sport) && is_end(o, 1, e->dst, e->dport);
		bool back = is_end(o, 1, e->src, e->sport) && is_end(o, 0, e->dst, e->dport);
		if (o->over != e->over || !(there || back))
			continue;
		*ret_from_server = !there;
		return o;
	}
	return NULL;
}

static struct opaque_ages *ages_of(struct bh_sensor *s, const struct opaque *o)
{
	return o->hello ? &s->opaques->waiting : &s->opaques->known;
}

static void unlink_age(struct bh_sensor *s, struct opaque *o)
{
	struct opaque_ages *a = ages_of(s, o);

	*(o->older ? &o->older->newer : &a->oldest) = o->newer;
	*(o->newer ? &o->newer->older : &a->newest) = o->older;
	a->n--;
}

static void link_newest(struct bh_sensor *s, struct opaque *o)
{
	struct opaque_ages *a = ages_of(s, o);

	o->newer = NULL;
	o->older = a->newest;
	*(a->newest ? &a->newest->newer : &a->oldest) = o;
	a->newest = o;
	a->n++;
}

void opaque_forget(struct bh_sensor *s, struct opaque *o)
{
	const struct opaque_ends e = { &o->addr[0], &o->addr[1], o->port[0], o->port[1], o->over };
	struct opaque **at = bucket_of(s, &e);

	while (*at != o)
		at = &(*at)->hash_next;
	*at = o->hash_next;
	unlink_age(s, o);
	free(o->hello);
	free(o);
}

void opaque_free(struct bh_sensor *s)
{
	struct opaques *all = s->opaques;

	while (all && all->known.oldest)
		opaque_forget(s, all->known.oldest);
	while (all && all->waiting.oldest)
		opaque_forget(s, all->waiting.oldest);
	free(all);
}

/* ---- room for them ---- */

/* Of IPv6 a client has a whole network to choose from. */
static bool one_client(const struct bh_addr *a, const struct bh_addr *b)
{
	return a->family == b->family &&
	       (a->family == BH_V6 ? a->num >> 64 == b->num >> 64 : a->num == b->num);
}

/* Who lets many wait, waits for himself. */
static void make_room_to_wait(struct bh_sensor *s, const struct bh_addr *client)
{
	struct opaque *own = NULL;
	unsigned n = 0;

	for (struct opaque *o = s->opaques->waiting.newest; o; o = o->older) {
		if (!one_client(&o->addr[0], client))
			continue;
		own = o;
		n++;
	}
	if (n < OF_ONE)
		own = s->opaques->waiting.n < WAITING ? NULL : s->opaques->waiting.oldest;
	if (!own)
		return;
	s->tally.evicted += s->latest - own->last < STALE;
	opaque_forget(s, own);
}

static bool is_over(const struct opaque *o, bh_time now)
{
	bh_time idle = now - o->last;

	return idle > KEEP_IDLE || (idle > KEEP_OVER && (o->closed || !o->answered));
}

static void make_room(struct bh_sensor *s)
{
	struct opaque *oldest = s->opaques->known.oldest;

	if (s->opaques->known.n < MOST)
		return;
	s->tally.evicted += !oldest->closed && !is_over(oldest, s->latest);
	opaque_drop(s, oldest);
}

struct opaque *opaque_add(
	struct bh_sensor *s, const struct opaque_ends *e, uint16_t service, bool waits)
{
	if (!opaque_all(s))
		return NULL;
	struct opaque *o = calloc(1, sizeof *o);
	struct bh_quic_hello *hello = waits ? malloc(sizeof *hello) : NULL;
	if (!o || (waits && !hello)) {
		free(hello);
		free(o);
		return NULL;
	}
	if (waits)
		make_room_to_wait(s, e->src);
	else
		make_room(s);
	o->addr[0] = *e->src;
	o->addr[1] = *e->dst;
	o->port[0] = e->sport;
	o->port[1] = e->dport;
	o->over = e->over;
	o->service = service;
	o->hello = hello;
	o->asked = s->now;
	o->leaf.id = ++s->next_leaf;
	s->tally.flows += !waits;
	struct opaque **at = bucket_of(s, e);
	o->hash_next = *at;
	*at = o;
	link_newest(s, o);
	return o;
}

void opaque_known(struct bh_sensor *s, struct opaque *o)
{
	make_room(s);
	unlink_age(s, o);
	free(o->hello);
	o->hello = NULL;
	link_newest(s, o);
	s->tally.flows++;
}

void opaque_saw(struct bh_sensor *s, struct opaque *o, bool to_server, uint32_t bytes)
{
	figures_add(&o->leaf.figures, s->now, to_server, bytes);
	o->last = s->now;
	o->dirty = true;
	unlink_age(s, o);
	link_newest(s, o);
}

/* No two datagrams of QUIC are alike: each has a number, and ciphertext that depends on it;
 * RoCE says things again, but not at once. */
bool opaque_is_copy(const struct bh_sensor *s, struct opaque *o, const struct bh_segment *g)
{
	uint64_t print = g->wire_len;
	struct bh_cur c = bh_cur_of(g->payload);

	while (bh_cur_left(&c) >= sizeof print) {
		print = (print ^ bh_cur_be64(&c)) * 0x9e3779b97f4a7c15u;
		print ^= print >> 32;
	}
	for (size_t i = 0; s->now - o->last < RETRY && i < BH_LEN(o->prints); i++) {
		if (o->prints[i] == print)
			return true;
	}
	o->prints[o->n_prints++ % BH_LEN(o->prints)] = print;
	return false;
}

void opaque_asked_again(const struct bh_sensor *s, struct opaque *o)
{
	if (!o->answered && s->now - o->asked >= RETRY)
		o->retried = true;
}

/* ---- telling ---- */

static uint8_t outcome(const struct bh_sensor *s, const struct opaque *o)
{
	if (o->answered)
		return BH_ANSWERED;
	if (o->refused)
		return BH_REFUSED;
	return o->retried || s->latest - o->asked >= PATIENCE ? BH_SILENT : BH_OUTCOME_UNKNOWN;
}

static void tell(struct bh_sensor *s, struct opaque *o, bool closed)
{
	struct bh_figures figures = o->leaf.figures;
	struct bh_conversation c;

	bh_conversation_init(&c);
	c.client = o->addr[0];
	c.server = o->addr[1];
	c.port = o->service;
	c.transport = o->over == OVER_QUIC ? BH_TRANSPORT_QUIC443 : BH_TRANSPORT_RDMA5445;
	c.outcome = outcome(s, o);
	c.complete = 0; /* whatever was seen: not what it is about */
	if (o->server_name[0]) {
		c.known = BH_KNOWN_SERVER_NAME;
		memcpy(c.server_name, o->server_name, sizeof c.server_name);
	}
	figures.connections = 1;
	o->dirty = false;
	tell_leaf(s, &o->leaf, &c, &figures, closed);
}

void opaque_gone(struct bh_sensor *s, struct opaque *o)
{
	tell_gone(s, &o->leaf);
	opaque_forget(s, o);
}

void opaque_drop(struct bh_sensor *s, struct opaque *o)
{
	tell(s, o, true);
	opaque_forget(s, o);
}

void opaque_flush(struct bh_sensor *s)
{
	struct opaque *next;

	if (!s->opaques)
		return;
	for (struct opaque *o = s->opaques->known.oldest; o; o = next) {
		next = o->newer;
		if (is_over(o, s->latest))
			opaque_drop(s, o);
		else if (o->dirty || !(o->answered || o->refused)) /* silence is told by time */
			tell(s, o, false);
	}
	while (s->opaques->waiting.oldest && s->latest - s->opaques->waiting.oldest->last >= STALE)
		opaque_forget(s, s->opaques->waiting.oldest);
}

void opaque_finish(struct bh_sensor *s)
{
	while (s->opaques && s->opaques->known.oldest && !s->error)
		opaque_drop(s, s->opaques->known.oldest);
	while (s->opaques && s->opaques->waiting.oldest)
		opaque_forget(s, s->opaques->waiting.oldest);
}
