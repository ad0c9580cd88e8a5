/*
 * The audit log as leaves: every logged packet of one client, server and port belongs to
 * one leaf.  When the table is full its leaves are told as closed, and it starts again.
 */
#include <stdlib.h>
#include <sys/random.h>

#include "evidence/evidence.h"
#include "sensor/live.h"

#define SLOTS 8192u /* a power of two, three quarters used at most */

/* Ids of ours never meet those of the core, which counts from below. */
#define LEAF_BIT ((uint64_t)1 << 63)

struct slot {
	struct bh_addr client, server;
	struct bh_figures figures;
	uint64_t leaf, revision; /* leaf 0: free */
	uint16_t port;
	uint8_t transport, outcome;
	bool dirty;
};

struct live_log {
	struct slot slots[SLOTS];
	struct slot *full; /* told as closed at the next telling: a copy of all slots */
	uint64_t seed, leaves;
	uint64_t events, lost, refused, evicted;
	uint32_t used;
};

int live_log_new(struct live_log **ret)
{
	struct live_log *l = calloc(1, sizeof *l);

	if (!l)
		return -ENOMEM;
	if (getrandom(&l->seed, sizeof l->seed, GRND_NONBLOCK) != sizeof l->seed)
		l->seed = (uintptr_t)l;
	*ret = l;
	return 0;
}

struct live_log *live_log_free(struct live_log *l)
{
	if (l)
		free(l->full);
	free(l);
	return NULL;
}

static bool same(const struct slot *s, const struct bh_conversation *c)
{
	return bh_addr_equal(&s->client, &c->client) && bh_addr_equal(&s->server, &c->server) &&
	       s->port == c->port && s->transport == c->transport && s->outcome == c->outcome;
}

/* The table is full of talk: what it holds is set aside to be told as closed. */
static void set_aside(struct live_log *l)
{
	if (l->full)
		l->evicted += l->used; /* nobody asked us to tell in between */
	else
		l->full = malloc(sizeof l->slots);
	if (l->full)
		memcpy(l->full, l->slots, sizeof l->slots);
	else
		l->evicted += l->used;
	memset(l->slots, 0, sizeof l->slots);
	l->used = 0;
}

static struct slot *slot_of(struct live_log *l, const struct bh_conversation *c)
{
	if (l->used >= SLOTS / 4 * 3)
		set_aside(l);
	uint32_t i = (uint32_t)bh_conversation_hash(c, l->seed) & (SLOTS - 1);
	while (l->slots[i].leaf && !same(&l->slots[i], c))
		i = (i + 1) & (SLOTS - 1);
	struct slot *s = &l->slots[i];
	if (!s->leaf) {
		*s = (struct slot){ .client = c->client,
			.server = c->server,
			.port = c->port,
			.transport = c->transport,
			.outcome = c->outcome,
			.leaf = LEAF_BIT | ++l->leaves };
		l->used++;
	}
	return s;
}

static void fold(struct live_log *l, const struct bh_fact *f)
{
	struct slot *s = slot_of(l, &f->leaf_is.who);

	if (!s->figures.first_seen)
		s->figures.first_seen = f->leaf_is.figures.first_seen;
	if (f->leaf_is.figures.last_seen > s->figures.last_seen)
		s->figures.last_seen = f->leaf_is.figures.last_seen;
	s->figures.connections += f->leaf_is.figures.connections;
	s->dirty = true;
}

void live_log_datagram(struct live_log *l, struct bh_span datagram, bh_time now)
{
	struct bh_cur c = bh_cur_of(datagram);
	struct bh_span one;
	struct bh_fact f;

	while (bh_evidence_nflog_next(&c, &one)) {
		int r = bh_evidence_nflog(one, now, &f);
		l->events += r != -ENOMSG;
		l->refused += r == -EBADMSG;
		if (!r)
			fold(l, &f);
	}
	l->refused += !bh_cur_ok(&c);
}

void live_log_overrun(struct live_log *l)
{
	l->lost++;
}

static int tell(struct slot *s, bool closed, bh_fact_fn sink, void *ctx)
{
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_LEAF };
	struct bh_conversation *c = &f.leaf_is.who;

	f.leaf = s->leaf;
	f.revision = ++s->revision;
	bh_conversation_init(c);
	c->client = s->client;
	c->server = s->server;
	c->port = s->port;
	c->transport = s->transport;
	c->outcome = s->outcome;
	f.leaf_is.figures = s->figures;
	f.leaf_is.closed = closed;
	s->dirty = false;
	return sink(ctx, &f);
}

int live_log_tell(struct live_log *l, bh_fact_fn sink, void *ctx)
{
	int r = 0;

	for (uint32_t i = 0; l->full && !r && i < SLOTS; i++) {
		if (l->full[i].leaf)
			r = tell(&l->full[i], true, sink, ctx);
	}
	free(l->full);
	l->full = NULL;
	for (uint32_t i = 0; !r && i < SLOTS; i++) {
		if (l->slots[i].dirty)
			r = tell(&l->slots[i], false, sink, ctx);
	}
	return r;
}

void live_log_tally(const struct live_log *l, struct bh_tally *t)
{
	t->log_events += l->events;
	t->log_lost += l->lost;
	t->malformed += l->refused;
	t->evicted += l->evicted;
}
