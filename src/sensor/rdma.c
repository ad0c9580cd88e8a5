/*
 * SMB Direct, [MS-SMBD]: over iWARP by its port and how RDMA begins there (RFC 5044), over
 * RoCE v2 by the port that is asked for.  What is done by it nobody but its ends can say;
 * and most of it never passes where packets are captured.
 */
#include "sensor/opaque.h"

/* ---- iWARP ---- */

static struct opaque_ends ends_of(const struct bh_segment *g)
{
	return (struct opaque_ends){ &g->src, &g->dst, g->sport, g->dport, OVER_IWARP };
}

static bool to_server(const struct bh_segment *g)
{
	return g->dport == BH_SMBD_IWARP;
}

static bool opens(const struct bh_segment *g)
{
	return (g->flags & (BH_TCP_SYN | BH_TCP_ACK)) == BH_TCP_SYN;
}

/* A connection that begins, or one of RDMA that we come late to. */
static struct opaque *begin(struct bh_sensor *s, const struct bh_segment *g)
{
	struct opaque_ends e = ends_of(g);

	if (!to_server(g)) {
		e.src = &g->dst;
		e.dst = &g->src;
		e.sport = g->dport;
		e.dport = g->sport;
	}
	return opaque_add(s, &e, BH_SMBD_IWARP, false);
}

static void flags(struct bh_sensor *s, struct opaque *o, const struct bh_segment *g)
{
	unsigned side = !to_server(g);

	if (g->flags & BH_TCP_RST) {
		o->refused |= side && o->syn[0] && !o->answered;
		o->closed = true;
		return;
	}
	if (g->flags & BH_TCP_SYN) {
		if (o->syn[side] && !side)
			opaque_asked_again(s, o);
		o->syn[side] = true;
		o->isn[side] = g->seq;
	}
	o->answered |= side || g->wire_len; /* nobody speaks before he is answered */
	o->fin[side] |= (g->flags & BH_TCP_FIN) != 0;
	o->closed |= o->fin[0] && o->fin[1];
}

/* What the first bytes of either side say: whether it is RDMA at all. */
static bool is_something_else(struct opaque *o, const struct bh_segment *g)
{
	unsigned side = !to_server(g);

	o->sure |= bh_smbd_mpa(g->payload);
	return !o->sure && g->payload.len && o->syn[side] && g->seq == o->isn[side] + 1;
}

/* What was not seen before. */
static uint32_t more(struct opaque *o, const struct bh_segment *g)
{
	unsigned side = !to_server(g);
	uint32_t end = g->seq + !!(g->flags & BH_TCP_SYN) + g->wire_len,
		 ahead = end - o->next[side];

	if (o->seen[side] && (int32_t)ahead <= 0)
		return 0;
	uint32_t bytes = o->seen[side] && ahead < g->wire_len ? ahead : g->wire_len;
	o->seen[side] = true;
	o->next[side] = end;
	return bytes;
}

int rdma_segment(struct bh_sensor *s, const struct bh_segment *g)
{
	const struct opaque_ends e = ends_of(g);
	bool from_server;
	struct opaque *o = opaque_find(s, &e, &from_server);
	bool asks = opens(g) && to_server(g);

	if (o && asks && o->syn[0] && o->isn[0] != g->seq) {
		opaque_drop(s, o);
		o = NULL;
	}
	if (!o) {
		bool answers = g->flags & BH_TCP_SYN && !opens(g) && !to_server(g);
		if (!asks && !answers && !bh_smbd_mpa(g->payload))
			return 0;
		o = begin(s, g);
		if (!o)
			return -ENOMEM;
	}
	opaque_saw(s, o, to_server(g), more(o, g));
	flags(s, o, g);
	if (is_something_else(o, g))
		opaque_gone(s, o);
	return 0;
}

void rdma_is_not(struct bh_sensor *s, const struct bh_segment *g)
{
	const struct opaque_ends e = ends_of(g);
	bool from_server;
	struct opaque *o = opaque_find(s, &e, &from_server);

	if (o)
		opaque_gone(s, o);
}

/* ---- RoCE v2 ---- */

static int asks(struct bh_sensor *s, const struct bh_segment *g, const struct bh_roce_connect *c)
{
	const struct opaque_ends e = { &g->src, &g->dst, c->id, 0, OVER_ROCE };
	bool from_server;
	struct opaque *o = opaque_find(s, &e, &from_server);

	if (c->port != BH_SMBD_OTHER && c->port != BH_SMBD_IWARP)
		return 0;
	if (!o)
		o = opaque_add(s, &e, c->port, false);
	if (!o)
		return -ENOMEM;
	if (opaque_is_copy(s, o, g))
		return 0;
	opaque_asked_again(s, o);
	opaque_saw(s, o, true, g->wire_len);
	return 0;
}

static void answers(
	struct bh_sensor *s, const struct bh_segment *g, const struct bh_roce_connect *c)
{
	const struct opaque_ends e = { &g->src, &g->dst, 0, c->id, OVER_ROCE };
	bool from_server = false;
	struct opaque *o = opaque_find(s, &e, &from_server);

	if (!o || !from_server || opaque_is_copy(s, o, g))
		return;
	opaque_saw(s, o, false, g->wire_len);
	if (c->said == BH_ROCE_ACCEPTS)
		o->answered = true;
	else
		o->refused = o->closed = true;
}

int rdma_datagram(struct bh_sensor *s, const struct bh_segment *g)
{
	struct bh_roce_connect c;

	if (!bh_roce(g->payload))
		return 0;
	s->roce++;
	if (!bh_roce_connect_read(g->payload, &c))
		return 0;
	if (c.said == BH_ROCE_ASKS)
		return asks(s, g, &c);
	answers(s, g, &c);
	return 0;
}

/* What else is done over RoCE may be storage of any kind: that it is there is told. */
void rdma_flush(struct bh_sensor *s)
{
	const struct bh_event_count e = { .count = s->roce, .provider = "RoCE v2" };

	if (s->roce == s->roce_told)
		return;
	s->roce_told = s->roce;
	tell_events(s, &e);
}
