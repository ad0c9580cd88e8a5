/*
 * stream: TCP segments in any order, overlapping, cut, with any flags, through the
 * sensor.  An input is a list of: what (1), sequence number (2), length (1), bytes.
 *
 *	what  0x01 from the server  0x02 SYN  0x04 RST  0x08 FIN  0x10 cut on the wire
 *	      0x20 tell what there is so far  0x40 another client port  0x80 time passes
 */
#include <stdlib.h>

#include "sensor/sensor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
static void packet(
	struct bh_sensor *s, bh_time now, uint8_t what, uint32_t seq, const uint8_t *p, size_t n)
{
	uint8_t b[40 + 255] = { 0x45 };
	bool back = what & 1;
	unsigned port = what & 0x40 ? 50001 : 50000;

	put16(b + 2, (unsigned)(40 + n + (what & 0x10 ? 500 : 0)));
	b[8] = 64;
	b[9] = 6;
	b[12] = b[16] = 10;
	b[15] = back ? 2 : 1;
	b[19] = back ? 1 : 2;
	put16(b + 20, back ? 445 : port);
	put16(b + 22, back ? port : 445);
	put16(b + 24, seq >> 16);
	put16(b + 26, seq & 0xffff);
	b[32] = 0x50;
	b[33] = (uint8_t)((what & 2) | (what & 4) | (what & 8 ? 1 : 0) |
			  (back || !(what & 2) ? 0x10 : 0));
	if (n)
		memcpy(b + 40, p, n);
	int r = bh_sensor_packet(s, 101, now, bh_span_of(b, 40 + n), 40 + n);
	assert(r == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bh_sensor_limits few = { .flows = 2, .held_bytes = 3000 };
	bh_time now = (bh_time)1700000000 * BH_SECOND;
	struct bh_sensor *s = NULL;
	unsigned ends = 0;

	if (bh_sensor_new(&few, hear, &ends, &s))
		abort();
	while (size >= 4) {
		uint8_t what = data[0];
		uint32_t seq = (uint32_t)data[1] << 8 | data[2];
		size_t n = data[3] < size - 4 ? data[3] : size - 4;
		now += what & 0x80 ? 2 * BH_SECOND : 1000;
		packet(s, now, what, seq - 4096, data + 4, n); /* wraps early */
		if (what & 0x20) {
			int r = bh_sensor_flush(s, now);
			assert(r == 0);
		}
		data += 4 + n;
		size -= 4 + n;
	}
	int r = bh_sensor_finish(s);
	assert(r == 0 && ends == 1);
	bh_sensor_free(s);
	return 0;
}
