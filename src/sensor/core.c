#include <stdlib.h>
#include <sys/random.h>

#include "sensor/opaque.h"

enum { SMB_DIRECT = 445, SMB_NETBIOS = 139 };

/* Live: a closed connection is kept for what straggles behind, one that never opened
 * until it is surely silent, and an idle one for a day. */
#define KEEP_CLOSED   (60 * BH_SECOND)
#define KEEP_IDLE     (24 * 3600 * BH_SECOND)
#define SWEEP         (60 * BH_SECOND)
/* The order of age need not be exact, in packets; but of few flows it is. */
#define MAX_AGE_SLACK 256u
/* Retransmitted by the client, and not copied by the capture. */
#define RETRY         (BH_SECOND / 4)
/* A SYN may be captured after this much of the data that follows it. */
#define OVERTAKEN     (1024 * 1024)

static bool smb_port(uint16_t port)
{
	return port == SMB_DIRECT || port == SMB_NETBIOS;
}

/* Of two ports none of which is SMB's own, the lower one is more likely the server's;
 * what is said on them will tell. */
static bool serves(uint16_t port, uint16_t other)
{
	return smb_port(port) || (!smb_port(other) && port < other);
}

int bh_sensor_new(
	const struct bh_sensor_limits *limits, bh_fact_fn sink, void *ctx, struct bh_sensor **ret)
{
	struct bh_sensor *s = calloc(1, sizeof *s);

	if (!s)
		return -ENOMEM;
	s->sink = sink;
	s->ctx = ctx;
	s->until = -1;
	s->max_flows = limits && limits->flows ? limits->flows : DEFAULT_FLOWS;
	s->age_slack =
		s->max_flows / 64 < MAX_AGE_SLACK ? (unsigned)s->max_flows / 64 : MAX_AGE_SLACK;
	s->pool.limit = limits && limits->held_bytes ? limits->held_bytes : DEFAULT_HELD;
	for (s->n_buckets = 64; s->n_buckets < s->max_flows && s->n_buckets < 1u << 20;)
		s->n_buckets *= 2;
	s->buckets = calloc(s->n_buckets, sizeof(struct flow *));
	if (!s->buckets) {
		free(s);
		return -ENOMEM;
	}
	if (getrandom(s->key, sizeof s->key, GRND_NONBLOCK) != sizeof s->key)
		s->key[0] = (uintptr_t)s; /* before the kernel has any randomness at all */
	*ret = s;
	return 0;
}

struct bh_sensor *bh_sensor_free(struct bh_sensor *s)
{
	if (!s)
		return NULL;
	for (unsigned i = 0; i < ACQUAINTANCES; i++) {
		while (s->ages[i].oldest)
			flow_forget(s, s->ages[i].oldest);
	}
	opaque_free(s);
	free(s->names);
	free(s->once);
	free(s->buckets);
	free(s);
	return NULL;
}

/* ---- streams to messages ---- */

/* What a stream's reader needs to know. */
struct reading {
	struct bh_sensor *s;
	struct flow *f;
	unsigned side;
};

static bool wants(void *ctx, const struct bh_message *m)
{
	const struct reading *r = ctx;

	return talk_wants(r->f, m);
}

static bool lists(void *ctx, const struct bh_message *m)
{
	const struct reading *r = ctx;

	return talk_lists(r->f, m);
}

static struct bh_ask take(void *ctx, struct bh_span bytes)
{
	const struct reading *r = ctx;
	struct bh_framer_env env = { wants, lists, ctx };
	struct bh_framer *f = &r->f->framer[r->side];
	struct bh_ask ask = { .skip = 0, .need = 4 };

	/* What lies there holds what was asked for, and maybe more messages behind it. */
	for (;;) {
		BH_FILLED struct bh_message m;
		uint64_t skip = 0;
		switch (bh_framer_step(f, &env, bytes, &skip, &ask.need, &m)) {
		case BH_FRAMING_MORE: return ask;
		case BH_FRAMING_DONE: break;
		case BH_FRAMING_TOLD: talk_message(r->s, r->f, r->side, &m); break;
		case BH_FRAMING_LOST:
			r->s->tally.malformed++;
			ask.skip = BH_ASK_LOST;
			return ask;
		}
		ask.skip += skip;
		if (skip > bytes.len || bytes.len - skip < ask.need)
			return ask;
		bytes = bh_span_behind(bytes, (size_t)skip);
	}
}

static bool begins(void *ctx BH_UNUSED, struct bh_span segment)
{
	return bh_message_begins(segment);
}

static void gap(void *ctx, uint64_t bytes)
{
	const struct reading *r = ctx;

	r->f->framer[r->side] = (struct bh_framer){ 0 };
	r->f->dirty = true;
	if (bytes) {
		r->s->tally.gaps++;
		r->s->tally.gap_bytes += bytes;
	}
}

static const struct bh_stream_reader reader = { take, begins, gap };

void flow_end_streams(struct bh_sensor *s, struct flow *f)
{
	for (unsigned i = 0; i < 2; i++) {
		struct reading r = { s, f, i };
		struct bh_stream_env env = { &reader, &r, &s->pool };
		bh_stream_end(&f->stream[i], &env);
	}
}

/* ---- one packet ---- */

/* A SYN tells who is the client; without one the port does. */
static void begin_roles(struct flow *f, const struct bh_segment *g, unsigned side)
{
	if (g->flags & BH_TCP_SYN)
		f->client = (uint8_t)(g->flags & BH_TCP_ACK ? !side : side);
	else
		f->client = (uint8_t)(serves(g->dport, g->sport) ? side : !side);
	f->foreign = !smb_port(f->port[!f->client]) && !f->elsewhere;
}

/* Is a client's SYN the one of the connection we know, come late or come again?  What was
 * seen of that connection must then lie shortly behind it. */
static bool same_connection(const struct flow *f, unsigned side, uint32_t seq)
{
	if (f->syn[side])
		return f->isn[side] == seq;
	if (side != f->client)
		return false;
	if (f->syn[!side])
		return f->syn_acks == seq + 1;
	return f->seen[side] ? f->first_seq[side] - (seq + 1) < OVERTAKEN
			     : f->acked - (seq + 1) < OVERTAKEN;
}

static void saw_syn(struct bh_sensor *s, struct flow *f, unsigned side, const struct bh_segment *g)
{
	struct reading r = { s, f, side };
	struct bh_stream_env env = { &reader, &r, &s->pool };

	if (f->syn[side]) {
		if (side == f->client && s->now - f->syn_at >= RETRY)
			f->retried = true;
	} else {
		f->syn[side] = true;
		f->isn[side] = g->seq;
		if (side == f->client)
			f->syn_at = s->now;
		else
			f->syn_acks = g->ack;
		bh_stream_syn(&f->stream[side], &env, g->seq);
	}
}

/* SYN, RST and FIN: what becomes of the connection. */
static BH_RARE void flags(
	struct bh_sensor *s, struct flow *f, unsigned side, const struct bh_segment *g)
{
	if (g->flags & BH_TCP_RST) {
		if (side != f->client && f->syn[f->client] && !f->answered)
			f->refused = true;
		f->closed = true;
		return;
	}
	if (g->flags & BH_TCP_SYN)
		saw_syn(s, f, side, g);
	if (g->flags & BH_TCP_FIN)
		f->fin[side] = true;
	if (f->fin[0] && f->fin[1])
		f->closed = true;
}

/* A client's SYN: of another connection in this one's place, unless it is one we know.
 * False when nothing is left to follow. */
static BH_RARE bool begin_again(
	struct bh_sensor *s, struct flow *f, unsigned side, const struct bh_segment *g)
{
	if ((!f->seen[0] && !f->seen[1] && !f->foreign) || same_connection(f, side, g->seq))
		return true;
	if (f->elsewhere) { /* what is spoken on this one is not known yet */
		flow_drop(s, f);
		return false;
	}
	flow_restart(s, f);
	begin_roles(f, g, side);
	s->tally.flows += !f->foreign;
	return true;
}

/* Until SMB is spoken, this is none of ours. */
static BH_RARE bool still_foreign(struct bh_sensor *s, struct flow *f, const struct bh_segment *g)
{
	if (!bh_message_begins(g->payload))
		return true;
	f->foreign = false;
	s->tally.flows++;
	return false;
}

static void segment(struct bh_sensor *s, struct flow *f, unsigned side, const struct bh_segment *g)
{
	struct reading r = { s, f, side };
	struct bh_stream_env env = { &reader, &r, &s->pool };
	uint8_t changes = g->flags & (BH_TCP_SYN | BH_TCP_FIN | BH_TCP_RST);

	if (changes & BH_TCP_SYN && !(g->flags & BH_TCP_ACK) && !begin_again(s, f, side, g))
		return;
	f->last = s->now;
	f->dirty = true;
	if (f->foreign && still_foreign(s, f, g))
		return;
	if (!f->seen[side])
		f->first_seq[side] = g->seq;
	f->seen[side] = true;
	if (!f->sessions) /* else nobody asks for them */
		figures_add(&f->leaf.figures, s->now, true, 0);
	if (changes)
		flags(s, f, side, g);
	if (side != f->client) {
		f->acked = g->ack;
		f->answered |= !(changes & BH_TCP_RST);
	}
	if (!g->wire_len || changes & BH_TCP_RST)
		return;
	uint64_t gaps = s->tally.gaps;
	uint32_t seq = g->seq + !!(changes & BH_TCP_SYN);
	bh_stream_push(&f->stream[side], &env, s->now, seq, g->payload, g->wire_len);
	if (g->wire_len > g->payload.len && s->tally.gaps > gaps)
		s->tally.truncated_packets++;
}

static bool used_elsewhere(const struct bh_sensor *s, uint16_t port)
{
	return s->elsewhere[port / 64] >> port % 64 & 1;
}

static void use_elsewhere(struct bh_sensor *s, uint16_t port)
{
	s->elsewhere[port / 64] |= (uint64_t)1 << port % 64;
}

/* Neither on a port of SMB nor a message of it. */
static int other_segment(struct bh_sensor *s, const struct bh_segment *g)
{
	int r = rdma_port(g) ? rdma_segment(s, g) : 0;

	return r ? r : s->error;
}

static int tcp(struct bh_sensor *s, const struct bh_segment *g)
{
	bool ours = smb_port(g->sport) || smb_port(g->dport);
	unsigned side = 0;

	/* On other ports SMB is known by how its messages begin; nothing is remembered of
	 * connections in which none did. */
	if (!ours && !bh_message_begins(g->payload) &&
		!(used_elsewhere(s, g->sport) && used_elsewhere(s, g->dport)))
		return other_segment(s, g);
	struct flow *f = flow_find(s, g, &side);
	if (!f) {
		if (!ours && !bh_message_begins(g->payload))
			return other_segment(s, g);
		f = flow_add(s, g, &side);
		if (!f)
			return -ENOMEM;
		f->elsewhere = !ours;
		if (!ours) {
			use_elsewhere(s, g->sport);
			use_elsewhere(s, g->dport);
			rdma_is_not(s, g);
		}
		begin_roles(f, g, side);
		s->tally.flows += !f->foreign;
	}
	segment(s, f, side, g);
	return s->error;
}

/* A clock of ours is sane; a capture's may say anything. */
static bh_time sane_time(bh_time when)
{
	const bh_time year_2200 = (bh_time)7258118400 * BH_SECOND;

	return when < 0 || when >= year_2200 ? 0 : when;
}

int bh_sensor_packet(struct bh_sensor *s, unsigned link, bh_time when, struct bh_span captured,
	size_t original_len)
{
	BH_FILLED struct bh_segment g;

	when = sane_time(when);
	if (when)
		s->now = when;
	if (when > s->latest)
		s->latest = when;
	s->tally.packets++;
	s->tally.bytes += captured.len;
	switch (bh_frame_read(link, captured, &g)) {
	case BH_FRAME_TCP: return tcp(s, &g);
	case BH_FRAME_UDP: return datagram(s, &g);
	case BH_FRAME_FRAGMENT: s->tally.fragments++; break;
	case BH_FRAME_UNKNOWN: s->tally.unknown_frames++; break;
	case BH_FRAME_CUT:
		if (original_len > captured.len)
			s->tally.truncated_packets++;
		else
			s->tally.unknown_frames++;
		break;
	case BH_FRAME_OTHER: break;
	}
	return s->error;
}

/* ---- telling ---- */

static void tick(struct bh_sensor *s, struct flow *f)
{
	if (!f->stream[0].held && !f->stream[1].held)
		return;
	s->dropping = true; /* f need not be the newest: it must not make way for itself */
	for (unsigned i = 0; i < 2; i++) {
		struct reading r = { s, f, i };
		struct bh_stream_env env = { &reader, &r, &s->pool };
		bh_stream_tick(&f->stream[i], &env, s->latest);
	}
	s->dropping = false;
}

static bool is_over(const struct flow *f, bh_time now)
{
	bh_time idle = now - f->last;
	bool never_opened = !f->answered && f->syn[f->client];

	return idle > KEEP_IDLE ||
	       (idle > KEEP_CLOSED && (f->closed || f->foreign || never_opened));
}

/* Until when, in packets, f may have been used: about until the next one took its place. */
static uint64_t used_until(const struct bh_sensor *s, const struct flow *f)
{
	return f->newer ? f->newer->moved + s->age_slack : s->tally.packets;
}

/* Who has something to say has it within a minute of its last packet: what was used since the
 * sweep before the last one is looked at every time, and all the others in a sweep. */
static struct flow *first_to_flush(const struct bh_sensor *s, const struct ages *a, bool sweep)
{
	struct flow *first = NULL;

	if (sweep)
		return a->oldest;
	for (struct flow *f = a->newest; f && used_until(s, f) >= s->swept[1]; f = f->older)
		first = f;
	return first;
}

static void flush_flows(struct bh_sensor *s, const struct ages *a, bool sweep)
{
	struct flow *next;

	for (struct flow *f = first_to_flush(s, a, sweep); f; f = next) {
		next = f->newer;
		if (is_over(f, s->latest)) {
			flow_drop(s, f);
			continue;
		}
		/* Silence is told by time alone. */
		if (!f->answered && !f->refused && f->syn[f->client])
			f->dirty = true;
		tick(s, f);
		tell_flow(s, f, false);
	}
}

int bh_sensor_flush(struct bh_sensor *s, bh_time now)
{
	now = sane_time(now);
	if (now > s->latest)
		s->latest = now;
	bool sweep = s->latest - s->sweep >= SWEEP;
	if (sweep) {
		s->sweep = s->latest;
		s->swept[1] = s->swept[0];
		s->swept[0] = s->tally.packets;
	}
	strangers_tick(s);
	flush_flows(s, &s->ages[KNOWN], sweep); /* first: a stranger may become known meanwhile */
	flush_flows(s, &s->ages[STRANGER], sweep);
	opaque_flush(s);
	rdma_flush(s);
	names_flush(s);
	once_flush(s);
	tell_tally(s);
	return s->error;
}

int bh_sensor_finish(struct bh_sensor *s)
{
	for (unsigned i = 0; i < ACQUAINTANCES; i++) {
		while (s->ages[i].oldest && !s->error)
			flow_drop(s, s->ages[i].oldest);
	}
	opaque_finish(s);
	rdma_flush(s);
	tell_tally(s);
	tell_end(s);
	return s->error;
}
