/*
 * datagram: what the sensor makes of datagrams and of the port of SMB Direct.  An input is
 * a list of: what (1), how (1), length (2), bytes.
 *
 *	what  0 frames, sealed in an Initial   how  0x01 version 2  0x02 another connection
 *	      1 a datagram                          0x04 from the server  0x18 which client
 *	      2 a segment from or to port 5445      0xe0 which port, or a SYN, FIN or RST
 *	      3 time passes, and what there is is told
 */
#include <stdlib.h>

#include "../unit/quic_make.h"
#include "sensor/sensor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LARGEST = 1400 };

struct state {
	struct bh_sensor *s;
	bh_time now;
	uint32_t number;
	uint32_t seq[4][2];
};

static int hear(void *ctx, const struct bh_fact *f)
{
	unsigned *ends = ctx;

	assert(bh_fact_sane(f));
	*ends += f->kind == BH_FACT_END;
	return 0;
}

static void put32(struct bh_buf *b, uint32_t v)
{
	put16(b, v >> 16);
	put16(b, v & 0xffff);
}

/* Raw IPv4, from 10.0.0.N to 10.0.0.9 or back. */
static void put_ip(struct bh_buf *b, uint8_t how, uint8_t proto, size_t len)
{
	uint32_t client = 0x0a000001 + (how >> 3 & 3), server = 0x0a000009;

	put16(b, 0x4500);
	put16(b, 20 + len);
	put32(b, 0);
	bh_buf_u8(b, 64);
	bh_buf_u8(b, proto);
	put16(b, 0);
	put32(b, how & 4 ? server : client);
	put32(b, how & 4 ? client : server);
}

static void show(struct state *t, struct bh_buf *b)
{
	uint8_t *exact = malloc(b->len);

	if (!exact)
		return;
	memcpy(exact, b->ptr, b->len);
	int r = bh_sensor_packet(t->s, 101, t->now, bh_span_of(exact, b->len), b->len);
	assert(r == 0);
	free(exact);
	bh_buf_reset(b);
}

static void say(struct state *t, uint8_t how, uint16_t port, const void *p, size_t n)
{
	struct bh_buf b = { 0 };
	uint16_t own = port == 443 ? 50000 : port;

	put_ip(&b, how, 17, 8 + n);
	put16(&b, how & 4 ? port : own);
	put16(&b, how & 4 ? own : port);
	put16(&b, 8 + n);
	put16(&b, 0);
	bh_buf_add(&b, p, n);
	show(t, &b);
}

static void sealed(struct state *t, uint8_t how, struct bh_span frames)
{
	struct initial i = { .version = how & 1 ? 0x6b3343cf : 1,
		.dcid = how & 2 ? "another" : NULL,
		.number = t->number++,
		.server = how & 4,
		.pad_to = 1200 };
	struct bh_buf b = { 0 };

	put_initial(&b, &i, frames.ptr, frames.len);
	say(t, how, 443, b.ptr, b.len);
	bh_buf_reset(&b);
}

static void segment(struct state *t, uint8_t how, struct bh_span bytes)
{
	static const uint8_t flags[8] = { 0x18, 0x02, 0x12, 0x11, 0x14, 0x04, 0x10, 0x18 };
	struct bh_buf b = { 0 };
	uint8_t f = flags[how >> 5];
	uint32_t *seq = &t->seq[how >> 3 & 3][how >> 2 & 1];

	put_ip(&b, how, 6, 20 + bytes.len);
	put16(&b, how & 4 ? 5445 : 50000);
	put16(&b, how & 4 ? 50000 : 5445);
	put32(&b, *seq);
	put32(&b, 0);
	put16(&b, 0x5000 | f);
	put16(&b, 512);
	put32(&b, 0);
	bh_buf_add(&b, bytes.ptr, bytes.len);
	*seq += (uint32_t)bytes.len + (f & 2 ? 1 : 0);
	show(t, &b);
}

static void step(struct state *t, uint8_t what, uint8_t how, struct bh_span bytes)
{
	static const uint16_t ports[8] = { 443, 137, 138, 5353, 5355, 4791, 8443, 443 };
	int r;

	t->now += BH_SECOND / 50;
	switch (what & 3) {
	case 0: sealed(t, how, bytes); break;
	case 1: say(t, how, ports[how >> 5], bytes.ptr, bytes.len); break;
	case 2: segment(t, how, bytes); break;
	default:
		t->now += how * BH_SECOND;
		r = bh_sensor_flush(t->s, t->now);
		assert(r == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct state t = { .now = (bh_time)1700000000 * BH_SECOND };
	unsigned ends = 0;

	if (bh_sensor_new(NULL, hear, &ends, &t.s))
		abort();
	for (unsigned i = 0; i < 64 && size >= 4; i++) {
		size_t n = (size_t)data[2] << 8 | data[3];
		n = n < size - 4 ? n : size - 4;
		n = n < LARGEST ? n : LARGEST;
		step(&t, data[0], data[1], bh_span_of(data + 4, n));
		data += 4 + n;
		size -= 4 + n;
	}
	int r = bh_sensor_finish(t.s);
	assert(r == 0 && ends == 1);
	bh_sensor_free(t.s);
	return 0;
}
