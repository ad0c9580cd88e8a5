#include "base/cur.h"
#include "capture/capture.h"

#include <stdlib.h>

/* An out-of-order segment that waits for what is before it. */
struct bh_held {
	struct bh_held *next;
	uint32_t seq;
	uint32_t len; /* captured */
	uint32_t wire_len;
	uint8_t bytes[];
};

/* A stream that begins in the middle waits for this much before it believes that the
 * lowest sequence number seen is the first. */
enum { FRESH_SEGMENTS = 32, FRESH_BYTES = 256 * 1024 };
#define FRESH_PATIENCE (BH_SECOND / 10)

/* Retransmissions lag by a window at most; what is further behind has overtaken us. */
#define FAR_BEHIND (-(64 * 1024 * 1024))

static int32_t ahead(uint32_t seq, uint32_t of)
{
	return (int32_t)(seq - of);
}

static void drop_gather(struct bh_stream *s, struct bh_stream_pool *pool)
{
	if (s->gather)
		pool->held -= s->need;
	free(s->gather);
	s->gather = NULL;
	s->have = 0;
}

static void lose(struct bh_stream *s, const struct bh_stream_env *env, uint64_t bytes)
{
	drop_gather(s, env->pool);
	s->skip = 0;
	s->whole = false;
	s->state = BH_STREAM_LOST;
	env->reader->gap(env->ctx, bytes);
}

/* Room for `need` contiguous bytes, what was gathered so far included. */
static bool make_room(struct bh_stream *s, struct bh_stream_pool *pool, uint32_t need)
{
	size_t before = s->gather ? s->need : 0;

	if (pool->held - before + need > pool->limit)
		return false;
	uint8_t *p = realloc(s->gather, need);
	if (!p)
		return false;
	pool->held += need - before;
	s->gather = p;
	s->need = need;
	return true;
}

/* Shows the reader what there is; returns how many bytes of it are done with.  None of
 * them: it wants more than these (need), or has lost its way (state). */
static BH_HOT size_t show(
	struct bh_stream *s, const struct bh_stream_env *env, struct bh_span bytes)
{
	struct bh_ask ask = env->reader->take(env->ctx, bytes);

	assert(ask.need > 0 && ask.need <= BH_MAX_NEED);
	if (ask.skip == BH_ASK_LOST) {
		lose(s, env, 0);
		return 0;
	}
	assert(ask.skip || ask.need > bytes.len);
	size_t used = ask.skip < bytes.len ? (size_t)ask.skip : bytes.len;
	s->skip = ask.skip - used;
	s->need = ask.need;
	return used;
}

/* Bytes that begin within a gathered piece: fill it up.  Returns how many were used. */
static BH_RARE size_t fill(struct bh_stream *s, const struct bh_stream_env *env, struct bh_span in)
{
	if (!s->have && !make_room(s, env->pool, s->need)) {
		lose(s, env, 0);
		return in.len;
	}
	size_t n = bh_min_size(s->need - s->have, in.len);
	uint32_t shown = s->need;

	memcpy(s->gather + s->have, in.ptr, n);
	s->have += (uint32_t)n;
	if (s->have < shown)
		return n;
	size_t used = show(s, env, bh_span_of(s->gather, shown));
	if (s->state != BH_STREAM_SYNCED)
		return n;
	uint32_t more = s->need;
	s->need = shown; /* what gather holds room for */
	assert(!used || used == shown);
	if (used) {
		drop_gather(s, env->pool);
		s->need = more;
	} else if (!make_room(s, env->pool, more)) {
		lose(s, env, 0);
	}
	return n;
}

/* In-order bytes.  Most of them fall into a skip, or can be shown where they lie. */
static BH_HOT void consume(struct bh_stream *s, const struct bh_stream_env *env, struct bh_span in)
{
	while (in.len && s->state == BH_STREAM_SYNCED) {
		size_t used;

		if (s->skip) {
			used = s->skip < in.len ? (size_t)s->skip : in.len;
			s->skip -= used;
		} else if (!s->have && in.len >= s->need) {
			used = show(s, env, in);
		} else {
			used = fill(s, env, in);
		}
		in = bh_span_behind(in, used);
	}
}

/* A hole of that many bytes at `next`: nothing is lost if all of it is to be skipped. */
static void step_over(struct bh_stream *s, const struct bh_stream_env *env, uint32_t hole)
{
	s->next += hole;
	if (s->state == BH_STREAM_SYNCED && hole <= s->skip)
		s->skip -= hole;
	else if (s->state == BH_STREAM_SYNCED)
		lose(s, env, hole);
}

/* A segment that begins at or before `next`. */
static BH_RARE void accept(struct bh_stream *s, const struct bh_stream_env *env, uint32_t seq,
	struct bh_span bytes, uint32_t wire_len)
{
	uint32_t old = s->next - seq;

	if (old >= wire_len)
		return;
	wire_len -= old;
	bytes = bh_span_behind(bytes, bh_min_size(old, bytes.len));
	if (s->state == BH_STREAM_LOST && !old && env->reader->begins(env->ctx, bytes)) {
		s->state = BH_STREAM_SYNCED;
		s->need = 4;
	}
	s->next += (uint32_t)bytes.len;
	consume(s, env, bytes);
	if (wire_len > bytes.len)
		step_over(s, env, wire_len - (uint32_t)bytes.len);
}

/* May a segment at seq be taken now, without waiting? */
static bool reachable(const struct bh_stream *s, uint32_t seq)
{
	int32_t d = ahead(seq, s->next);

	return d <= 0 || s->state == BH_STREAM_LOST || (uint64_t)d <= s->skip;
}

static void arrive(struct bh_stream *s, const struct bh_stream_env *env, uint32_t seq,
	struct bh_span bytes, uint32_t wire_len)
{
	if (ahead(seq, s->next) > 0)
		step_over(s, env, seq - s->next);
	accept(s, env, seq, bytes, wire_len);
}

static void release(struct bh_stream *s, const struct bh_stream_env *env)
{
	struct bh_held *h = s->held;

	s->held = h->next;
	s->n_held--;
	s->held_bytes -= h->len;
	env->pool->held -= h->len;
	arrive(s, env, h->seq, bh_span_of(h->bytes, h->len), h->wire_len);
	free(h);
}

static void drain(struct bh_stream *s, const struct bh_stream_env *env)
{
	while (s->held && reachable(s, s->held->seq))
		release(s, env);
}

/* Gives the first hole up. */
static void give_up(struct bh_stream *s, const struct bh_stream_env *env)
{
	if (s->held)
		release(s, env);
	drain(s, env);
}

static bool hold(struct bh_stream *s, struct bh_stream_pool *pool, bh_time when, uint32_t seq,
	struct bh_span bytes, uint32_t wire_len)
{
	struct bh_held **at = &s->held;

	while (*at && ahead((*at)->seq, seq) < 0)
		at = &(*at)->next;
	if (*at && (*at)->seq == seq && (*at)->len >= bytes.len && (*at)->wire_len >= wire_len)
		return true; /* sent twice */
	if (pool->held + bytes.len > pool->limit)
		return false;
	struct bh_held *h = malloc(sizeof *h + bytes.len);
	if (!h)
		return false;
	h->seq = seq;
	h->len = (uint32_t)bytes.len;
	h->wire_len = wire_len;
	if (bytes.len)
		memcpy(h->bytes, bytes.ptr, bytes.len);
	h->next = *at;
	*at = h;
	if (!s->n_held++)
		s->since = when;
	s->held_bytes += h->len;
	pool->held += h->len;
	return true;
}

/* No SYN came: the lowest sequence number so far begins the stream. */
static void begin(struct bh_stream *s, const struct bh_stream_env *env)
{
	s->state = BH_STREAM_LOST;
	s->whole = false;
	if (s->held)
		s->next = s->held->seq;
	drain(s, env);
}

void bh_stream_syn(struct bh_stream *s, const struct bh_stream_env *env, uint32_t seq)
{
	if (s->state != BH_STREAM_FRESH)
		return;
	s->next = seq + 1;
	s->need = 4;
	s->whole = true;
	s->state = BH_STREAM_SYNCED;
	drain(s, env);
}

static void push_fresh(struct bh_stream *s, const struct bh_stream_env *env, bh_time when,
	uint32_t seq, struct bh_span bytes, uint32_t wire_len)
{
	bool held = hold(s, env->pool, when, seq, bytes, wire_len);

	if (!held || s->n_held >= FRESH_SEGMENTS || s->held_bytes >= FRESH_BYTES ||
		when - s->since > FRESH_PATIENCE) {
		if (!s->held)
			s->next = seq;
		begin(s, env);
		if (!held)
			bh_stream_push(s, env, when, seq, bytes, wire_len);
	}
}

void bh_stream_push(struct bh_stream *s, const struct bh_stream_env *env, bh_time when,
	uint32_t seq, struct bh_span bytes, uint32_t wire_len)
{
	if (!wire_len)
		return;
	/* What nearly every segment is: whole, and the next one. */
	if (seq == s->next && s->state == BH_STREAM_SYNCED && !s->held && wire_len == bytes.len) {
		s->next += wire_len;
		if (wire_len <= s->skip)
			s->skip -= wire_len;
		else
			consume(s, env, bytes);
		return;
	}
	if (s->state == BH_STREAM_FRESH) {
		push_fresh(s, env, when, seq, bytes, wire_len);
		return;
	}
	if (s->held && when - s->since > BH_STREAM_PATIENCE) {
		give_up(s, env);
		s->since = when;
	}
	if (ahead(seq, s->next) < FAR_BEHIND && s->state == BH_STREAM_SYNCED) {
		lose(s, env, 0);
		s->next = seq;
	}
	if (reachable(s, seq)) {
		arrive(s, env, seq, bytes, wire_len);
		drain(s, env);
		return;
	}
	while (s->held &&
		(s->n_held >= BH_STREAM_SEGMENTS || s->held_bytes + bytes.len > BH_STREAM_BYTES))
		give_up(s, env);
	if (reachable(s, seq) || !hold(s, env->pool, when, seq, bytes, wire_len)) {
		arrive(s, env, seq, bytes, wire_len);
		drain(s, env);
	}
}

void bh_stream_tick(struct bh_stream *s, const struct bh_stream_env *env, bh_time now)
{
	if (!s->held)
		return;
	if (s->state == BH_STREAM_FRESH && now - s->since > FRESH_PATIENCE)
		begin(s, env);
	if (s->held && now - s->since > BH_STREAM_PATIENCE)
		give_up(s, env);
}

void bh_stream_end(struct bh_stream *s, const struct bh_stream_env *env)
{
	if (s->state == BH_STREAM_FRESH && s->held)
		begin(s, env);
	while (s->held)
		give_up(s, env);
}

void bh_stream_reset(struct bh_stream *s, struct bh_stream_pool *pool)
{
	drop_gather(s, pool);
	while (s->held) {
		struct bh_held *h = s->held;
		s->held = h->next;
		pool->held -= h->len;
		free(h);
	}
	*s = (struct bh_stream){ 0 };
}
