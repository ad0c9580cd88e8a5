#include <stdint.h>

#include "capture/capture.h"
#include "tap.h"

/*
 * The streams here carry records of one length byte and that many bytes, the first four
 * of which are read ("need") and the rest skipped; short records are read whole.
 */
struct reading {
	uint8_t head[4096];
	size_t n;
	uint64_t gaps, gap_bytes;
	bool inside;
	unsigned body;
};

static struct bh_ask take(void *ctx, struct bh_span s)
{
	struct reading *r = ctx;

	if (!r->inside) {
		r->inside = true;
		r->body = s.ptr[0];
		if (s.len < 4u + (r->body > 100 ? 0u : r->body))
			return (struct bh_ask){ .skip = 0, .need = 4u + r->body };
	}
	r->inside = false;
	if (r->n + 4 <= sizeof r->head)
		memcpy(r->head + r->n, s.ptr, 4);
	r->n += 4;
	return (struct bh_ask){ .skip = 4u + r->body, .need = 4 };
}

static bool begins(void *ctx, struct bh_span s)
{
	(void)ctx;
	return s.len >= 4 && s.ptr[1] == 0xaa;
}

static void gap(void *ctx, uint64_t bytes)
{
	struct reading *r = ctx;

	r->inside = false;
	r->gaps++;
	r->gap_bytes += bytes;
}

static const struct bh_stream_reader reader = { take, begins, gap };

enum { RECORDS = 60 };
static uint8_t stream[RECORDS * 260];
static size_t stream_len;
static uint64_t dice_state;

static uint32_t dice(uint32_t n)
{
	dice_state = dice_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(dice_state >> 33) % n;
}

static void make(void)
{
	stream_len = 0;
	for (unsigned i = 0; i < RECORDS; i++) {
		uint8_t body = (uint8_t)dice(250);
		uint8_t *p = stream + stream_len;
		p[0] = body;
		p[1] = 0xaa;
		p[2] = (uint8_t)i;
		p[3] = 0x55;
		memset(p + 4, 0xee, body);
		stream_len += 4u + body;
	}
}

struct world {
	struct bh_stream s;
	struct bh_stream_pool pool;
	struct reading r;
	struct bh_stream_env env;
};

static void begin(struct world *w, size_t limit)
{
	memset(w, 0, sizeof *w);
	w->pool.limit = limit;
	w->env = (struct bh_stream_env){ &reader, &w->r, &w->pool };
}

static void push(struct world *w, uint32_t isn, size_t off, size_t len, size_t captured)
{
	uint8_t *keep = malloc(captured ? captured : 1);

	memcpy(keep, stream + off, captured);
	bh_stream_push(&w->s, &w->env, BH_SECOND, isn + 1 + (uint32_t)off,
		bh_span_of(keep, captured), (uint32_t)len);
	free(keep);
}

static void finish(struct world *w)
{
	bh_stream_end(&w->s, &w->env);
	bh_stream_reset(&w->s, &w->pool);
	EXPECT_INT(w->pool.held, 0);
}

static bool all_heads(const struct reading *r)
{
	if (r->n != RECORDS * 4)
		return false;
	for (unsigned i = 0; i < RECORDS; i++) {
		if (r->head[i * 4 + 1] != 0xaa || r->head[i * 4 + 2] != i)
			return false;
	}
	return true;
}

static void test_any_order_within_the_window_delivers_all(void)
{
	static struct world w;

	for (unsigned round = 0; round < 300; round++) {
		static size_t off[RECORDS * 260], len[RECORDS * 260];
		size_t n = 0;
		uint32_t isn;
		dice_state = round;
		make();
		isn = UINT32_MAX - dice(8000);
		for (size_t at = 0; at < stream_len; n++) {
			off[n] = at;
			len[n] = 1 + dice(1 + round % 700);
			if (len[n] > stream_len - at)
				len[n] = stream_len - at;
			at += len[n];
		}
		begin(&w, 1 << 20);
		bh_stream_syn(&w.s, &w.env, isn);
		for (size_t i = 0; i < n; i++) {
			size_t j = i + dice(20 - (uint32_t)(i % 20)); /* within blocks of 20 */
			if (j < n) {
				size_t t = off[i], u = len[i];
				off[i] = off[j];
				len[i] = len[j];
				off[j] = t;
				len[j] = u;
			}
			push(&w, isn, off[i], len[i], len[i]);
			if (dice(4) == 0) /* and again, later and longer */
				push(&w, isn, off[i], bh_min_size(len[i] + 9, stream_len - off[i]),
					bh_min_size(len[i] + 9, stream_len - off[i]));
		}
		finish(&w);
		EXPECT(all_heads(&w.r));
		EXPECT_INT(w.r.gaps, 0);
	}
}

static void test_a_stream_without_a_syn_waits_for_its_lowest_segment(void)
{
	static struct world w;

	dice_state = 1;
	make();
	begin(&w, 1 << 20);
	push(&w, 0, 1200, stream_len - 1200, stream_len - 1200);
	push(&w, 0, 600, 600, 600);
	push(&w, 0, 0, 600, 600);
	finish(&w);
	EXPECT(all_heads(&w.r));
	EXPECT(!w.s.whole);
}

static void test_a_hole_is_a_gap_once_nothing_fills_it(void)
{
	static struct world w;

	dice_state = 2;
	make();
	/* The first record is lost; the rest comes record by record. */
	begin(&w, 1 << 20);
	bh_stream_syn(&w.s, &w.env, 0);
	for (size_t at = 4u + stream[0]; at < stream_len; at += 4u + stream[at])
		push(&w, 0, at, 4u + stream[at], 4u + stream[at]);
	EXPECT_INT(w.r.n, 0);
	finish(&w);
	EXPECT_INT(w.r.gaps, 1);
	EXPECT_INT(w.r.gap_bytes, 4 + stream[0]);
	EXPECT_INT(w.r.n, (RECORDS - 1) * 4);
}

static void test_what_is_skipped_may_be_lost(void)
{
	static struct world w;
	size_t at = 0;

	dice_state = 3;
	make();
	begin(&w, 1 << 20);
	bh_stream_syn(&w.s, &w.env, 0);
	while (at < stream_len) {
		size_t len = 4u + stream[at];
		bool skipped = stream[at] > 100;
		push(&w, 0, at, len, skipped ? 4 : len); /* as a short snaplen cuts it */
		at += len;
	}
	EXPECT_INT(w.r.gaps, 0);
	EXPECT(all_heads(&w.r));
	finish(&w);
}

static void test_held_bytes_are_bounded(void)
{
	static struct world w;

	dice_state = 4;
	make();
	begin(&w, 2000);
	bh_stream_syn(&w.s, &w.env, 0);
	for (size_t at = 300; at + 100 < stream_len; at += 100) {
		push(&w, 0, at, 100, 100);
		EXPECT(w.pool.held <= 2000);
	}
	EXPECT(w.r.gaps > 0);
	finish(&w);
	begin(&w, 1 << 30);
	bh_stream_syn(&w.s, &w.env, 0);
	for (size_t i = 0; i < 1000; i++) {
		bh_stream_push(&w.s, &w.env, BH_SECOND, (uint32_t)(1000 + 2000 * i),
			bh_span_of(stream, 100), 100);
		EXPECT(w.s.n_held <= BH_STREAM_SEGMENTS);
	}
	finish(&w);
}

static void test_a_jump_far_ahead_does_not_end_the_stream(void)
{
	static struct world w;

	dice_state = 5;
	make();
	begin(&w, 1 << 20);
	bh_stream_syn(&w.s, &w.env, 0);
	push(&w, 0, 0, 4u + stream[0], 4u + stream[0]);
	/* Three gigabytes were not captured: that looks like far behind. */
	bh_stream_push(&w.s, &w.env, BH_SECOND, 3000000000u, bh_span_of(stream, 4u + stream[0]),
		4u + stream[0]);
	EXPECT_INT(w.r.n, 8);
	finish(&w);
}

int main(void)
{
	RUN(test_any_order_within_the_window_delivers_all);
	RUN(test_a_stream_without_a_syn_waits_for_its_lowest_segment);
	RUN(test_a_hole_is_a_gap_once_nothing_fills_it);
	RUN(test_what_is_skipped_may_be_lost);
	RUN(test_held_bytes_are_bounded);
	RUN(test_a_jump_far_ahead_does_not_end_the_stream);
	return tap_done();
}
