#include "base/cur.h"
#include "capture/capture.h"

/* The link layers we read, by LINKTYPE_* number. */
enum {
	LINK_NULL = 0,
	LINK_ETHERNET = 1,
	LINK_RAW_BSD = 12,
	LINK_RAW_OPENBSD = 14,
	LINK_RAW = 101,
	LINK_LOOP = 108,
	LINK_SLL = 113,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_SLL2 = 276,
};

enum { ETHER_IPV4 = 0x0800, ETHER_ARP = 0x0806, ETHER_IPV6 = 0x86dd };
enum { MAX_TAGS = 4, MAX_EXTENSIONS = 8 };

enum {
	PROTO_HOP = 0,
	PROTO_IPIP = 4,
	PROTO_TCP = 6,
	PROTO_IPV6 = 41,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_GRE = 47,
	PROTO_ESP = 50,
	PROTO_AH = 51,
	PROTO_DEST = 60,
	PROTO_MOBILITY = 135,
};

/* 802.1Q, 802.1ad and the older QinQ numbers. */
static bool is_tag(uint16_t type)
{
	return type == 0x8100 || type == 0x88a8 || type == 0x9100 || type == 0x9200;
}

static uint16_t skip_tags(struct bh_cur *c, uint16_t type)
{
	for (unsigned i = 0; i < MAX_TAGS && is_tag(type); i++) {
		bh_cur_skip(c, 2);
		type = bh_cur_be16(c);
	}
	return type;
}

static uint16_t ip_by_version(const struct bh_cur *c)
{
	if (!bh_cur_left(c))
		return ETHER_IPV4; /* refused as cut */
	return c->at[0] >> 4 == 4 ? ETHER_IPV4 : c->at[0] >> 4 == 6 ? ETHER_IPV6 : 0;
}

/* Steps over the link layer; the ethertype of what follows, 0 for none that we read. */
static uint16_t link_layer(struct bh_cur *c, uint32_t link)
{
	uint16_t type;

	switch (link) {
	case LINK_ETHERNET: bh_cur_skip(c, 12); return skip_tags(c, bh_cur_be16(c));
	case LINK_SLL: bh_cur_skip(c, 14); return skip_tags(c, bh_cur_be16(c));
	case LINK_SLL2:
		type = bh_cur_be16(c);
		bh_cur_skip(c, 18);
		return skip_tags(c, type);
	case LINK_NULL: /* address family in the capturing host's order: 2, or 24 to 30 */
	case LINK_LOOP: bh_cur_skip(c, 4); return ip_by_version(c);
	case LINK_RAW_BSD:
	case LINK_RAW_OPENBSD:
	case LINK_RAW: return ip_by_version(c);
	case LINK_IPV4: return ETHER_IPV4;
	case LINK_IPV6: return ETHER_IPV6;
	default: return 0;
	}
}

static enum bh_frame_kind not_tcp(uint8_t proto)
{
	bool tunnel = proto == PROTO_IPIP || proto == PROTO_IPV6 || proto == PROTO_GRE ||
		      proto == PROTO_ESP;

	return tunnel ? BH_FRAME_UNKNOWN : BH_FRAME_OTHER;
}

/* RFC 9293 3.1.  len: what IP says this segment has, header included. */
static enum bh_frame_kind tcp(struct bh_cur *c, size_t len, struct bh_segment *ret)
{
	ret->sport = bh_cur_be16(c);
	ret->dport = bh_cur_be16(c);
	ret->seq = bh_cur_be32(c);
	ret->ack = bh_cur_be32(c);
	size_t header = (size_t)(bh_cur_u8(c) >> 4) * 4;
	ret->flags = bh_cur_u8(c);
	if (!bh_cur_ok(c) || header < 20 || header > len)
		return BH_FRAME_CUT;

	size_t wire = len - header, options = header - 14;
	if (bh_cur_left(c) < options)
		return BH_FRAME_CUT;
	bh_cur_skip(c, options);
	ret->wire_len = (uint32_t)wire;
	ret->payload = bh_cur_take(c, bh_min_size(wire, bh_cur_left(c)));
	return BH_FRAME_TCP;
}

/* RFC 791 3.1 */
static enum bh_frame_kind ipv4(struct bh_cur *c, struct bh_segment *ret)
{
	size_t whole = bh_cur_left(c);
	uint8_t first = bh_cur_u8(c);
	size_t header = (size_t)(first & 0x0f) * 4;
	bh_cur_skip(c, 1);
	size_t total = bh_cur_be16(c);
	bh_cur_skip(c, 2);
	uint16_t fragment = bh_cur_be16(c);
	bh_cur_skip(c, 1);
	uint8_t proto = bh_cur_u8(c);
	bh_cur_skip(c, 2);
	uint32_t src = bh_cur_be32(c), dst = 0;
	dst = bh_cur_be32(c);
	if (!bh_cur_ok(c) || first >> 4 != 4 || header < 20)
		return BH_FRAME_CUT;
	if (proto != PROTO_TCP)
		return not_tcp(proto);
	if (fragment & 0x3fff)
		return BH_FRAME_FRAGMENT;
	if (!total)
		total = whole; /* segmentation offload: the hardware would have filled it in */
	if (total < header)
		return BH_FRAME_CUT;
	bh_cur_skip(c, header - 20);
	ret->src = bh_addr_v4(src);
	ret->dst = bh_addr_v4(dst);
	return tcp(c, total - header, ret);
}

/* Walks the extension headers (RFC 8200 4).  *len is what is left of the payload. */
static enum bh_frame_kind extensions(struct bh_cur *c, uint8_t *proto, size_t *len)
{
	for (unsigned i = 0; i < MAX_EXTENSIONS; i++) {
		size_t size;
		uint8_t here = *proto, next, n;

		if (here != PROTO_HOP && here != PROTO_ROUTING && here != PROTO_DEST &&
			here != PROTO_MOBILITY && here != PROTO_AH && here != PROTO_FRAGMENT)
			return BH_FRAME_TCP;
		next = bh_cur_u8(c);
		n = bh_cur_u8(c);
		if (here == PROTO_FRAGMENT) {
			/* Offset or more-fragments; an atomic fragment has neither. */
			bool piece = bh_cur_be16(c) & 0xfff9;
			bh_cur_skip(c, 4);
			size = 8;
			if (piece)
				return next == PROTO_TCP || next == PROTO_DEST || next == PROTO_AH
					       ? BH_FRAME_FRAGMENT
					       : BH_FRAME_OTHER;
		} else {
			size = here == PROTO_AH ? (size_t)(n + 2) * 4 : (size_t)(n + 1) * 8;
			bh_cur_skip(c, size - 2);
		}
		if (!bh_cur_ok(c) || size > *len)
			return BH_FRAME_CUT;
		*len -= size;
		*proto = next;
	}
	return BH_FRAME_UNKNOWN;
}

/* RFC 8200 3 */
static enum bh_frame_kind ipv6(struct bh_cur *c, struct bh_segment *ret)
{
	uint8_t first = bh_cur_u8(c);
	bh_cur_skip(c, 3);
	size_t len = bh_cur_be16(c);
	uint8_t proto = bh_cur_u8(c);
	bh_cur_skip(c, 1);
	struct bh_span src = bh_cur_take(c, 16);
	struct bh_span dst = bh_cur_take(c, 16);
	if (!bh_cur_ok(c) || first >> 4 != 6)
		return BH_FRAME_CUT;
	if (!len)
		len = bh_cur_left(c); /* offload again, or a jumbogram */

	enum bh_frame_kind kind = extensions(c, &proto, &len);
	if (kind != BH_FRAME_TCP)
		return kind;
	if (proto != PROTO_TCP)
		return not_tcp(proto);
	ret->src = bh_addr_v6(src.ptr);
	ret->dst = bh_addr_v6(dst.ptr);
	return tcp(c, len, ret);
}

enum bh_frame_kind bh_frame_read(uint32_t link, struct bh_span bytes, struct bh_segment *ret)
{
	struct bh_cur c = bh_cur_of(bytes);
	struct bh_segment s = { 0 };
	enum bh_frame_kind kind;
	uint16_t type = link_layer(&c, link);

	if (!bh_cur_ok(&c))
		return BH_FRAME_CUT;
	switch (type) {
	case ETHER_IPV4: kind = ipv4(&c, &s); break;
	case ETHER_IPV6: kind = ipv6(&c, &s); break;
	case ETHER_ARP: return BH_FRAME_OTHER;
	default: return BH_FRAME_UNKNOWN;
	}
	if (kind == BH_FRAME_TCP)
		*ret = s;
	return kind;
}
