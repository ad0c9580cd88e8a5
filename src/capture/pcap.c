#include "capture/file.h"

/* draft-ietf-opsawg-pcap: a file header of 24 bytes, then records of 16 and their data. */
enum { FILE_HEADER = 24, RECORD_HEADER = 16 };

/* A mapped file is accounted for in steps of this. */
enum { STEP = 1 << 20 };

static bool magic(struct bh_capture *c, const uint8_t *p)
{
	static const struct {
		uint8_t bytes[4];
		bool big_endian, nanoseconds;
	} known[] = {
		{ { 0xd4, 0xc3, 0xb2, 0xa1 }, false, false },
		{ { 0xa1, 0xb2, 0xc3, 0xd4 }, true, false },
		{ { 0x4d, 0x3c, 0xb2, 0xa1 }, false, true },
		{ { 0xa1, 0xb2, 0x3c, 0x4d }, true, true },
	};

	for (size_t i = 0; i < BH_LEN(known); i++) {
		if (!memcmp(p, known[i].bytes, 4)) {
			c->big_endian = known[i].big_endian;
			c->nanoseconds = known[i].nanoseconds;
			return true;
		}
	}
	return false;
}

/* A record's header. */
struct record {
	uint32_t seconds, fraction, captured, original;
};

static struct record read_record(const struct bh_capture *c, const uint8_t *p)
{
	struct record r = { bh_read32(c, p), 0, 0, 0 };

	r.fraction = bh_read32(c, p + 4);
	r.captured = bh_read32(c, p + 8);
	r.original = bh_read32(c, p + 12);
	return r;
}

static int tell(const struct bh_capture *c, const struct record *r, const uint8_t *bytes,
	struct bh_packet *ret)
{
	uint64_t fraction = r->fraction;

	ret->bytes = bh_span_of(bytes, r->captured);
	ret->original = bh_max_size(r->original, r->captured);
	ret->when = bh_capture_time(r->seconds, c->nanoseconds ? fraction : fraction * 1000);
	ret->link = c->link;
	return 1;
}

/* Steps over the same number of bytes in the source. */
static int catch_up(struct bh_capture *c)
{
	uint32_t n = c->stepped;

	c->stepped = 0;
	return bh_source_skip(c->source, n);
}

/* A record of which all is there, from a mapped file; 0: ask the source. */
static int next_mapped(struct bh_capture *c, struct bh_packet *ret)
{
	if (c->rest.len < RECORD_HEADER)
		return 0;
	struct record r = read_record(c, c->rest.ptr);
	if (r.captured > BH_MAX_PACKET || r.captured > c->rest.len - RECORD_HEADER)
		return 0;
	uint32_t size = RECORD_HEADER + r.captured;
	int e = tell(c, &r, c->rest.ptr + RECORD_HEADER, ret);

	c->rest = bh_span_of(c->rest.ptr + size, c->rest.len - size);
	c->stepped += size;
	return e;
}

static int next(struct bh_capture *c, struct bh_packet *ret)
{
	struct bh_span s;
	/* What was told before is not looked at any more: its pages may go. */
	int r = c->stepped >= STEP ? catch_up(c) : 0;

	if (r || next_mapped(c, ret))
		return r ? r : 1;
	r = catch_up(c);
	if (r)
		return r;
	uint64_t at = bh_source_at(c->source);
	r = bh_capture_want(c, RECORD_HEADER, "a record's header", &s);
	if (r <= 0)
		return r;
	struct record head = read_record(c, s.ptr);
	if (head.captured > BH_MAX_PACKET)
		return bh_capture_refuse(c, at,
			"a record claims %u bytes, more than any capture holds (%u)", head.captured,
			BH_MAX_PACKET);

	r = bh_capture_want(c, RECORD_HEADER + head.captured, "a packet", &s);
	if (r <= 0)
		return r;
	/* Stepping over bytes that were just looked at moves nothing and cannot fail. */
	r = bh_source_skip(c->source, RECORD_HEADER + head.captured);
	if (r)
		return r;
	return tell(c, &head, s.ptr + RECORD_HEADER, ret);
}

int bh_pcap_open(struct bh_capture *c)
{
	struct bh_span s = { 0 };
	int r = bh_source_look(c->source, FILE_HEADER, &s);

	if (r && r != -EBADMSG)
		return r;
	if (!r && s.len >= 4 && !magic(c, s.ptr)) {
		(void)bh_capture_refuse(c, 0,
			"this is no capture: it begins with neither pcap's nor pcapng's magic number");
		return 0;
	}
	if (r || s.len < FILE_HEADER) {
		(void)bh_capture_refuse(c, 0, "this is no capture, or it breaks off in its header");
		return 0;
	}
	/* The upper bits tell the length of a frame check sequence, which we never reach. */
	c->link = bh_read32(c, s.ptr + 20) & 0x0fffffff;
	c->next = next;
	r = bh_source_skip(c->source, FILE_HEADER);
	c->rest = bh_source_rest(c->source);
	return r;
}
