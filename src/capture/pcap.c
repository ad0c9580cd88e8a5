#include "base/cur.h"
#include "capture/file.h"

/* draft-ietf-opsawg-pcap: a file header of 24 bytes, then records of 16 and their data. */
enum { FILE_HEADER = 24, RECORD_HEADER = 16 };

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

/* A record that can be seen whole: a small step, of which the source learns later.  False:
 * there is none. */
static BH_HOT bool take_seen(struct bh_capture *c, struct bh_packet *ret)
{
	const uint8_t *p = c->seen.ptr;

	if (c->seen.len < RECORD_HEADER)
		return false;
	uint32_t captured = bh_read32(c, p + 8);
	if (captured > BH_MAX_PACKET || captured > c->seen.len - RECORD_HEADER)
		return false;
	uint32_t seconds = bh_read32(c, p);
	uint64_t fraction = bh_read32(c, p + 4);
	ret->original = bh_max_size(bh_read32(c, p + 12), captured);
	ret->when = bh_capture_time(seconds, c->nanoseconds ? fraction : fraction * 1000);
	ret->link = c->link;
	ret->bytes = bh_span_of(p + RECORD_HEADER, captured);
	c->seen = bh_span_behind(c->seen, RECORD_HEADER + captured);
	c->stepped += RECORD_HEADER + captured;
	return true;
}

/* Makes the next record, whole, one that can be seen: 1, or as bh_capture_next. */
static BH_RARE int see_more(struct bh_capture *c)
{
	struct bh_span s;
	int r = bh_source_skip(c->source, c->stepped);

	c->stepped = 0;
	c->seen = (struct bh_span){ 0 };
	if (r)
		return r;
	uint64_t at = bh_source_at(c->source);
	r = bh_capture_want(c, RECORD_HEADER, "a record's header", &s);
	if (r <= 0)
		return r;
	uint32_t captured = bh_read32(c, s.ptr + 8);
	if (captured > BH_MAX_PACKET)
		return bh_capture_refuse(c, at,
			"a record claims %u bytes, more than any capture holds (%u)", captured,
			BH_MAX_PACKET);
	r = bh_capture_want(c, RECORD_HEADER + captured, "a packet", &s);
	if (r > 0)
		c->seen = bh_source_seen(c->source);
	return r;
}

static int next(struct bh_capture *c, struct bh_packet *ret)
{
	while (!take_seen(c, ret)) {
		int r = see_more(c);
		if (r <= 0)
			return r;
	}
	return 1;
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
	return bh_source_skip(c->source, FILE_HEADER);
}
