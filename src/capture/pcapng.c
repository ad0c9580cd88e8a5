#include <stdlib.h>

#include "capture/file.h"

/* draft-ietf-opsawg-pcapng: blocks of type, length, body and the length again. */
enum {
	SECTION = 0x0a0d0d0a,
	INTERFACE = 1,
	OLD_PACKET = 2,
	SIMPLE_PACKET = 3,
	ENHANCED_PACKET = 6,
};
enum { BLOCK_HEADER = 8, BLOCK_TAIL = 4, MIN_BLOCK = 12 };
enum { OPTION_END = 0, OPTION_TSRESOL = 9, OPTION_TSOFFSET = 14, MAX_OPTIONS = 64 };

/* A block that holds a packet, with room for its options. */
#define MAX_PACKET_BLOCK (BH_MAX_PACKET + 64u * 1024)

/* if_tsresol: units of 10^-n seconds, or of 2^-n when the top bit is set. */
static uint64_t units(uint8_t resolution)
{
	unsigned n = resolution & 0x7f;
	uint64_t per_second = 1;

	if (resolution & 0x80)
		return n > 63 ? 0 : per_second << n;
	if (n > 19)
		return 0;
	while (n--)
		per_second *= 10;
	return per_second;
}

/* Ticks since 1970, or since the interface's own beginning. */
static bh_time time_of(const struct bh_interface *i, uint64_t ticks)
{
	const uint64_t ns = (uint64_t)BH_SECOND;
	int64_t sum;

	if (!i->per_second)
		return 0;
	uint64_t seconds = ticks / i->per_second, rest = ticks % i->per_second;
	/* Dividing 128 bits costs more than all the rest of reading a packet. */
	if (i->per_second <= ns)
		rest = rest * ns / i->per_second;
	else
		rest = (uint64_t)((bh_u128)rest * ns / i->per_second);
	if (seconds > INT64_MAX || __builtin_add_overflow((int64_t)seconds, i->offset, &sum))
		return 0;
	return bh_capture_time(sum, rest);
}

/* The two options of an interface that change what times mean. */
static void interface_options(const struct bh_capture *c, struct bh_span o, struct bh_interface *i)
{
	for (unsigned n = 0; n < MAX_OPTIONS && o.len >= 4; n++) {
		uint16_t code = bh_read16(c, o.ptr), len = bh_read16(c, o.ptr + 2);
		size_t padded = 4 + ((size_t)len + 3) / 4 * 4;
		const uint8_t *v = o.ptr + 4;

		if (code == OPTION_END || padded > o.len)
			return;
		if (code == OPTION_TSRESOL && len == 1)
			i->per_second = units(v[0]);
		if (code == OPTION_TSOFFSET && len == 8) {
			uint64_t hi = bh_read32(c, c->big_endian ? v : v + 4);
			uint64_t lo = bh_read32(c, c->big_endian ? v + 4 : v);
			i->offset = (int64_t)(hi << 32 | lo);
		}
		o = bh_span_of(o.ptr + padded, o.len - padded);
	}
}

static int add_interface(struct bh_capture *c, uint64_t at, struct bh_span body)
{
	if (body.len < 8)
		return bh_capture_refuse(c, at, "an interface block is too short");
	if (c->n_interfaces == BH_MAX_INTERFACES)
		return bh_capture_refuse(c, at, "more than %u interfaces", BH_MAX_INTERFACES);
	if (!c->interfaces)
		c->interfaces = calloc(BH_MAX_INTERFACES, sizeof *c->interfaces);
	if (!c->interfaces)
		return -ENOMEM;
	struct bh_interface *i = &c->interfaces[c->n_interfaces++];
	*i = (struct bh_interface){
		.link = bh_read16(c, body.ptr),
		.snaplen = bh_read32(c, body.ptr + 4),
		.per_second = units(6),
	};
	interface_options(c, bh_span_of(body.ptr + 8, body.len - 8), i);
	return 0;
}

/* 1, or -EBADMSG. */
static int packet(
	struct bh_capture *c, uint64_t at, uint32_t type, struct bh_span b, struct bh_packet *ret)
{
	size_t header = type == SIMPLE_PACKET ? 4 : 20;
	uint32_t id = 0, captured, original;
	uint64_t ticks = 0;

	if (b.len < header)
		return bh_capture_refuse(c, at, "a packet block is too short");
	if (type == SIMPLE_PACKET) {
		captured = original = bh_read32(c, b.ptr);
	} else {
		id = type == OLD_PACKET ? bh_read16(c, b.ptr) : bh_read32(c, b.ptr);
		ticks = (uint64_t)bh_read32(c, b.ptr + 4) << 32 | bh_read32(c, b.ptr + 8);
		captured = bh_read32(c, b.ptr + 12);
		original = bh_read32(c, b.ptr + 16);
	}
	if (id >= c->n_interfaces)
		return bh_capture_refuse(
			c, at, "a packet names interface %u, which was not described", id);
	const struct bh_interface *i = &c->interfaces[id];
	if (type == SIMPLE_PACKET && i->snaplen && captured > i->snaplen)
		captured = i->snaplen;
	if (captured > b.len - header || captured > BH_MAX_PACKET)
		return bh_capture_refuse(c, at, "a packet of %u bytes in a block of %zu", captured,
			b.len + MIN_BLOCK);
	ret->bytes = bh_span_of(b.ptr + header, captured);
	ret->original = bh_max_size(original, captured);
	ret->when = type == SIMPLE_PACKET ? 0 : time_of(i, ticks);
	ret->link = i->link;
	return 1;
}

/* A section may be of the other byte order; its interfaces are its own. */
static int begin_section(struct bh_capture *c, uint64_t at, const uint8_t *p)
{
	static const uint8_t little[4] = { 0x4d, 0x3c, 0x2b, 0x1a };
	static const uint8_t big[4] = { 0x1a, 0x2b, 0x3c, 0x4d };

	if (!memcmp(p, little, 4))
		c->big_endian = false;
	else if (!memcmp(p, big, 4))
		c->big_endian = true;
	else
		return bh_capture_refuse(c, at, "a pcapng section without its byte order mark");
	c->n_interfaces = 0;
	return 0;
}

static int block_header(struct bh_capture *c, uint64_t at, uint32_t *type, uint32_t *len)
{
	struct bh_span s;
	int r = bh_capture_want(c, BLOCK_HEADER, "a block's header", &s);

	if (r <= 0)
		return r;
	*type = bh_read32(c, s.ptr);
	if (*type == SECTION) { /* reads the same both ways */
		r = bh_capture_want(c, BLOCK_HEADER + 4, "a section's header", &s);
		if (r <= 0)
			return r;
		r = begin_section(c, at, s.ptr + BLOCK_HEADER);
		if (r)
			return r;
	}
	*len = bh_read32(c, s.ptr + 4);
	if (*len < MIN_BLOCK || *len % 4)
		return bh_capture_refuse(c, at, "a block claims a length of %u", *len);
	return 1;
}

/* One block: 1 a packet, 2 something else, 0 the end, or what went wrong. */
static int block(struct bh_capture *c, struct bh_packet *ret)
{
	uint64_t at = bh_source_at(c->source);
	uint32_t type = 0, len = 0;
	struct bh_span s;
	int r = block_header(c, at, &type, &len);

	if (r <= 0)
		return r;
	bool is_packet = type == OLD_PACKET || type == SIMPLE_PACKET || type == ENHANCED_PACKET;
	if (!is_packet && type != INTERFACE) {
		r = bh_source_skip(c->source, len);
		if (r == -EBADMSG)
			return bh_capture_refuse(c, at, "the compressed data is damaged");
		if (!r && bh_source_at(c->source) - at < len)
			return bh_capture_refuse(c, at, "the capture breaks off in a block");
		return r ? r : 2;
	}
	if (len > MAX_PACKET_BLOCK)
		return bh_capture_refuse(
			c, at, "a block of %u bytes, more than a packet can need", len);
	r = bh_capture_want(c, len, "a block", &s);
	if (r <= 0)
		return r;
	if (bh_read32(c, s.ptr + len - BLOCK_TAIL) != len)
		return bh_capture_refuse(c, at, "a block ends with another length than it began");
	struct bh_span body = bh_span_of(s.ptr + BLOCK_HEADER, len - MIN_BLOCK);
	r = is_packet ? packet(c, at, type, body, ret) : add_interface(c, at, body);
	if (r < 0)
		return r;
	int e = bh_source_skip(c->source, len); /* looked at before: moves nothing */
	return e ? e : is_packet ? 1 : 2;
}

static int next(struct bh_capture *c, struct bh_packet *ret)
{
	int r;

	do {
		r = block(c, ret);
	} while (r == 2);
	return r;
}

int bh_pcapng_open(struct bh_capture *c)
{
	c->next = next;
	return 0;
}
