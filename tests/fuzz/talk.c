/*
 * talk: messages in both directions of four connections, in any order, through the sensor.
 * An input is a list of: what (1), length (2), a message without its NetBIOS header.
 *
 *	what  0x01 from the server  0x06 which connection  0x08 begins with a SYN
 *	      0x10 in two segments, the second first  0x20 tell what there is so far
 *	      0x40 the bytes as they are, without a NetBIOS header  0x80 lost
 */
#include <stdlib.h>

#include "sensor/sensor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LARGEST = 4096 };

static const uint16_t ports[4] = { 445, 139, 8445, 445 };

/* The next sequence number of each direction of each connection. */
struct state {
	struct bh_sensor *s;
	bh_time now;
	uint32_t seq[4][2];
};

static int hear(void *ctx, const struct bh_fact *f)
{
	unsigned *ends = ctx;

	assert(bh_fact_sane(f));
	*ends += f->kind == BH_FACT_END;
	return 0;
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Raw IPv4 and TCP headers. */
static void packet(struct state *t, unsigned which, bool back, uint8_t flags, uint32_t seq,
	const uint8_t *p, size_t n)
{
	static uint8_t b[40 + 4 + LARGEST];

	memset(b, 0, 40);
	b[0] = 0x45;
	put16(b + 2, (unsigned)(40 + n));
	b[9] = 6;
	b[12] = b[16] = 10;
	b[15] = (uint8_t)(which * 2 + back);
	b[19] = (uint8_t)(which * 2 + !back);
	put16(b + 20, back ? ports[which] : 50000);
	put16(b + 22, back ? 50000 : ports[which]);
	put16(b + 24, seq >> 16);
	put16(b + 26, seq & 0xffff);
	b[32] = 0x50;
	b[33] = flags;
	if (n)
		memcpy(b + 40, p, n);
	int r = bh_sensor_packet(t->s, 101, t->now, bh_span_of(b, 40 + n), 40 + n);
	assert(r == 0);
}

static void say(struct state *t, uint8_t what, const uint8_t *p, size_t n)
{
	unsigned which = what >> 1 & 3;
	bool back = what & 1;
	uint32_t *seq = &t->seq[which][back];
	uint8_t m[4 + LARGEST] = { 0, 0, (uint8_t)(n >> 8), (uint8_t)n };
	size_t head = what & 0x40 ? 0 : 4;

	if (what & 0x08) {
		packet(t, which, back, back ? 0x12 : 0x02, *seq, NULL, 0);
		++*seq;
	}
	if (n)
		memcpy(m + head, p, n);
	n += head;
	size_t first = what & 0x10 ? n / 2 : 0;
	if (!(what & 0x80)) {
		packet(t, which, back, 0x18, *seq + (uint32_t)first, m + first, n - first);
		if (first)
			packet(t, which, back, 0x18, *seq, m, first);
	}
	*seq += (uint32_t)n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bh_sensor_limits few = { .flows = 3, .held_bytes = 20000 };
	struct state t = { .now = (bh_time)1700000000 * BH_SECOND };
	unsigned ends = 0;

	if (bh_sensor_new(&few, hear, &ends, &t.s))
		abort();
	while (size >= 3) {
		size_t n = (size_t)data[1] << 8 | data[2];
		n = n < size - 3 ? n : size - 3;
		n = n < LARGEST ? n : LARGEST;
		t.now += BH_SECOND / 50;
		say(&t, data[0], data + 3, n);
		if (data[0] & 0x20) {
			int r = bh_sensor_flush(t.s, t.now);
			assert(r == 0);
		}
		data += 3 + n;
		size -= 3 + n;
	}
	int r = bh_sensor_finish(t.s);
	assert(r == 0 && ends == 1);
	bh_sensor_free(t.s);
	return 0;
}
