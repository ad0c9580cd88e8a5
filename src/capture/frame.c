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

enum {
	ETHER_IPV4 = 0x0800,
	ETHER_ARP = 0x0806,
	ETHER_BRIDGED = 0x6558, /* a whole Ethernet frame, RFC 1701 */
	ETHER_IPV6 = 0x86dd,
	ETHER_MPLS = 0x8847,
	ETHER_MPLS_MULTICAST = 0x8848,
	ETHER_PPPOE = 0x8864,
	ETHER_ERSPAN = 0x88be,
};
enum { MAX_TAGS = 4, MAX_LABELS = 8, MAX_EXTENSIONS = 8 };

/* Packets within packets: the outermost and four inside it. */
enum { MAX_PACKETS = 5 };

/* RFC 7348; the second is what Linux took before there was a number. */
enum { PORT_VXLAN = 4789, PORT_VXLAN_LINUX = 8472 };

enum {
	PROTO_HOP = 0,
	PROTO_IPIP = 4,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
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

static uint16_t ip_by_version(const struct bh_cur *c)
{
	if (!bh_cur_left(c))
		return ETHER_IPV4; /* refused as cut */
	return c->at[0] >> 4 == 4 ? ETHER_IPV4 : c->at[0] >> 4 == 6 ? ETHER_IPV6 : 0;
}

/* RFC 4364 and all the others that put labels before a packet do not say what follows. */
static uint16_t mpls(struct bh_cur *c)
{
	for (unsigned i = 0; i < MAX_LABELS; i++) {
		if (bh_cur_be32(c) & 0x100) /* bottom of the stack, RFC 3032 2.1 */
			return ip_by_version(c);
	}
	return 0;
}

/* RFC 2516 4, session stage, then the protocol field of RFC 1661 2. */
static uint16_t pppoe(struct bh_cur *c)
{
	uint16_t version_code = bh_cur_be16(c);

	bh_cur_skip(c, 4);
	uint16_t protocol = bh_cur_be16(c);
	if (version_code != 0x1100)
		return 0;
	return protocol == 0x0021 ? ETHER_IPV4 : protocol == 0x0057 ? ETHER_IPV6 : 0;
}

/* Steps over what may stand between an ethertype and the packet. */
static BH_RARE uint16_t skip_shims(struct bh_cur *c, uint16_t type)
{
	for (unsigned i = 0; i < MAX_TAGS && is_tag(type); i++) {
		bh_cur_skip(c, 2);
		type = bh_cur_be16(c);
	}
	switch (type) {
	case ETHER_MPLS:
	case ETHER_MPLS_MULTICAST: return mpls(c);
	case ETHER_PPPOE: return pppoe(c);
	default: return type;
	}
}

static BH_HOT uint16_t ethernet(struct bh_cur *c)
{
	bh_cur_skip(c, 12);
	uint16_t type = bh_cur_be16(c);
	return type == ETHER_IPV4 || type == ETHER_IPV6 ? type : skip_shims(c, type);
}

/* Steps over the link layer; the ethertype of what follows, 0 for none that we read. */
static uint16_t link_layer(struct bh_cur *c, uint32_t link)
{
	uint16_t type;

	switch (link) {
	case LINK_ETHERNET: return ethernet(c);
	case LINK_SLL: bh_cur_skip(c, 14); return skip_shims(c, bh_cur_be16(c));
	case LINK_SLL2:
		type = bh_cur_be16(c);
		bh_cur_skip(c, 18);
		return skip_shims(c, type);
	/* The address family, in the capturing host's order or the network's, is 2 or any
	 * of 10, 24, 28 and 30: the packet itself says it more simply. */
	case LINK_NULL:
	case LINK_LOOP: bh_cur_skip(c, 4); return ip_by_version(c);
	case LINK_RAW_BSD:
	case LINK_RAW_OPENBSD:
	case LINK_RAW: return ip_by_version(c);
	case LINK_IPV4: return ETHER_IPV4;
	case LINK_IPV6: return ETHER_IPV6;
	default: return 0;
	}
}

/* ---- what IP carries ---- */

/* The fixed part of a header, all of it there or none: one question instead of one for
 * each field, in the path that every packet of every capture takes. */
static inline bool take_header(struct bh_cur *c, size_t len, struct bh_cur *ret)
{
	if (bh_cur_left(c) < len)
		return false;
	*ret = bh_cur_of(bh_cur_take(c, len));
	return true;
}

/* RFC 9293 3.1.  len: what IP says this segment has, header included; so below. */
static enum bh_frame_kind tcp(struct bh_cur *c, size_t len, struct bh_segment *ret)
{
	struct bh_cur h;

	if (!take_header(c, 20, &h))
		return BH_FRAME_CUT;
	ret->sport = bh_cur_be16(&h);
	ret->dport = bh_cur_be16(&h);
	ret->seq = bh_cur_be32(&h);
	ret->ack = bh_cur_be32(&h);
	size_t header = (size_t)(bh_cur_u8(&h) >> 4) * 4;
	ret->flags = bh_cur_u8(&h);
	if (header < 20 || header > len || bh_cur_left(c) < header - 20)
		return BH_FRAME_CUT;

	bh_cur_skip(c, header - 20);
	ret->wire_len = (uint32_t)(len - header);
	ret->payload = bh_cur_take(c, bh_min_size(len - header, bh_cur_left(c)));
	return BH_FRAME_TCP;
}

/* RFC 768.  A length of 0 is a jumbogram's (RFC 2675 4), or left to the hardware. */
static enum bh_frame_kind udp(struct bh_cur *c, size_t len, struct bh_segment *ret)
{
	struct bh_cur h;

	if (!take_header(c, 8, &h))
		return BH_FRAME_CUT;
	ret->sport = bh_cur_be16(&h);
	ret->dport = bh_cur_be16(&h);
	ret->seq = ret->ack = ret->flags = 0;
	size_t own = bh_cur_be16(&h);
	if (!own)
		own = len;
	if (own < 8 || own > len)
		return BH_FRAME_CUT;

	ret->wire_len = (uint32_t)(own - 8);
	ret->payload = bh_cur_take(c, bh_min_size(own - 8, bh_cur_left(c)));
	return BH_FRAME_UDP;
}

/* RFC 7348 5: whether this datagram is a tunnel's; *c then stands before the Ethernet
 * frame in it.  Whatever is reserved is to be ignored, but for the bit by which
 * draft-ietf-nvo3-vxlan-gpe says that something else follows. */
static BH_RARE bool enter_vxlan(struct bh_cur *c, const struct bh_segment *s)
{
	enum { HAS_NETWORK = 0x08, HAS_PROTOCOL = 0x04 };
	struct bh_cur in = bh_cur_of(s->payload);

	if (s->dport != PORT_VXLAN && s->dport != PORT_VXLAN_LINUX)
		return false;
	uint8_t flags = bh_cur_u8(&in);
	bh_cur_skip(&in, 7);
	if (!bh_cur_ok(&in) || (flags & (HAS_NETWORK | HAS_PROTOCOL)) != HAS_NETWORK)
		return false;
	*c = in;
	return true;
}

/* RFC 2784 and 2890; ERSPAN I and II as in draft-foschiano-erspan-03 4. */
static BH_RARE uint16_t gre(struct bh_cur *c)
{
	enum { CHECKSUM = 0x8000, ROUTING = 0x4000, KEY = 0x2000, SEQUENCE = 0x1000, VERSION = 7 };
	uint16_t flags = bh_cur_be16(c), type = 0;

	type = bh_cur_be16(c);
	if (flags & (ROUTING | VERSION))
		return 0;
	bh_cur_skip(c, flags & CHECKSUM ? 4 : 0);
	bh_cur_skip(c, flags & KEY ? 4 : 0);
	bh_cur_skip(c, flags & SEQUENCE ? 4 : 0);
	if (type == ETHER_ERSPAN)
		bh_cur_skip(c, flags & SEQUENCE ? 8 : 0);
	return type == ETHER_BRIDGED || type == ETHER_ERSPAN ? ethernet(c) : skip_shims(c, type);
}

/* ---- IP ---- */

/* What IP says of its payload, at which the cursor then stands. */
struct upper {
	size_t len;
	uint8_t proto;
};

static bool is_tunnel(uint8_t proto)
{
	return proto == PROTO_IPIP || proto == PROTO_IPV6 || proto == PROTO_GRE ||
	       proto == PROTO_ESP;
}

/* A piece of something that IP had to cut up. */
static enum bh_frame_kind piece_of(uint8_t proto)
{
	return proto == PROTO_TCP ? BH_FRAME_FRAGMENT
	       : is_tunnel(proto) ? BH_FRAME_UNKNOWN
				  : BH_FRAME_OTHER;
}

static bool is_extension(uint8_t proto)
{
	return proto == PROTO_HOP || proto == PROTO_ROUTING || proto == PROTO_DEST ||
	       proto == PROTO_MOBILITY || proto == PROTO_AH || proto == PROTO_FRAGMENT;
}

/* Walks the extension headers (RFC 8200 4).  BH_FRAME_TCP: *u tells of what is behind. */
static BH_RARE enum bh_frame_kind extensions(struct bh_cur *c, struct upper *u)
{
	for (unsigned i = 0; is_extension(u->proto); i++) {
		uint8_t next = bh_cur_u8(c);
		uint8_t n = bh_cur_u8(c);
		size_t size = u->proto == PROTO_AH         ? (size_t)(n + 2) * 4
			      : u->proto == PROTO_FRAGMENT ? 8
							   : (size_t)(n + 1) * 8;
		struct bh_cur body = bh_cur_of(bh_cur_take(c, size - 2));

		/* Offset or more-fragments; an atomic fragment has neither. */
		if (u->proto == PROTO_FRAGMENT && bh_cur_be16(&body) & 0xfff9) {
			/* What follows these two may be TCP: the rest is in another piece. */
			return next == PROTO_DEST || next == PROTO_AH ? BH_FRAME_FRAGMENT
								      : piece_of(next);
		}
		if (!bh_cur_ok(c) || size > u->len)
			return BH_FRAME_CUT;
		if (i == MAX_EXTENSIONS)
			return BH_FRAME_UNKNOWN;
		u->len -= size;
		u->proto = next;
	}
	return BH_FRAME_TCP;
}

/* RFC 791 3.1 */
static enum bh_frame_kind ipv4(struct bh_cur *c, struct bh_segment *ret, struct upper *u)
{
	size_t whole = bh_cur_left(c);
	struct bh_cur h;

	if (!take_header(c, 20, &h))
		return BH_FRAME_CUT;
	uint8_t first = bh_cur_u8(&h);
	size_t header = (size_t)(first & 0x0f) * 4;
	bh_cur_skip(&h, 1);
	size_t total = bh_cur_be16(&h);
	bh_cur_skip(&h, 2);
	uint16_t fragment = bh_cur_be16(&h);
	bh_cur_skip(&h, 1);
	u->proto = bh_cur_u8(&h);
	bh_cur_skip(&h, 2);
	uint32_t src = bh_cur_be32(&h);
	uint32_t dst = bh_cur_be32(&h);
	if (first >> 4 != 4 || header < 20)
		return BH_FRAME_CUT;
	if (fragment & 0x3fff)
		return piece_of(u->proto);
	if (!total)
		total = whole; /* segmentation offload: the hardware would have filled it in */
	if (total < header)
		return BH_FRAME_CUT;
	bh_cur_skip(c, header - 20);
	bh_addr_set_v4(&ret->src, src);
	bh_addr_set_v4(&ret->dst, dst);
	u->len = total - header;
	return u->proto == PROTO_AH ? extensions(c, u) : BH_FRAME_TCP;
}

/* RFC 8200 3 */
static enum bh_frame_kind ipv6(struct bh_cur *c, struct bh_segment *ret, struct upper *u)
{
	struct bh_cur h;

	if (!take_header(c, 40, &h))
		return BH_FRAME_CUT;
	uint8_t first = bh_cur_u8(&h);
	bh_cur_skip(&h, 3);
	u->len = bh_cur_be16(&h);
	u->proto = bh_cur_u8(&h);
	bh_cur_skip(&h, 1);
	struct bh_span src = bh_cur_take(&h, 16);
	struct bh_span dst = bh_cur_take(&h, 16);
	if (first >> 4 != 6)
		return BH_FRAME_CUT;
	if (!u->len)
		u->len = bh_cur_left(c); /* offload again, or a jumbogram */
	bh_addr_set_v6(&ret->src, src.ptr);
	bh_addr_set_v6(&ret->dst, dst.ptr);
	return is_extension(u->proto) ? extensions(c, u) : BH_FRAME_TCP;
}

/* ---- all of it ---- */

/* Enters the tunnel that begins here; the ethertype of what is in it. */
static BH_RARE uint16_t enter(struct bh_cur *c, const struct upper *u)
{
	/* What lies behind the end of this packet is padding, and not in it. */
	*c = bh_cur_of(bh_cur_take(c, bh_min_size(u->len, bh_cur_left(c))));
	switch (u->proto) {
	case PROTO_IPIP: return ETHER_IPV4;
	case PROTO_IPV6: return ETHER_IPV6;
	case PROTO_GRE: return gre(c);
	default: return 0;
	}
}

/* One packet, from its IP header on.  With *type not 0 another one is inside, and *c stands
 * before it: unknown, unless somebody goes on. */
static enum bh_frame_kind packet(struct bh_cur *c, uint16_t *type, struct bh_segment *s)
{
	struct upper u = { 0 };
	enum bh_frame_kind kind;
	uint16_t here = *type;

	*type = 0;
	switch (here) {
	case ETHER_IPV4: kind = ipv4(c, s, &u); break;
	case ETHER_IPV6: kind = ipv6(c, s, &u); break;
	case ETHER_ARP: return BH_FRAME_OTHER;
	default: return BH_FRAME_UNKNOWN;
	}
	if (kind != BH_FRAME_TCP)
		return kind;
	if (u.proto == PROTO_TCP)
		return tcp(c, u.len, s);
	if (u.proto == PROTO_UDP) {
		kind = udp(c, u.len, s);
		if (kind != BH_FRAME_UDP || !enter_vxlan(c, s))
			return kind;
		*type = ethernet(c);
	} else if (is_tunnel(u.proto)) {
		*type = enter(c, &u);
	} else {
		return BH_FRAME_OTHER;
	}
	return BH_FRAME_UNKNOWN;
}

enum bh_frame_kind bh_frame_read(uint32_t link, struct bh_span bytes, struct bh_segment *ret)
{
	struct bh_cur c = bh_cur_of(bytes);
	enum bh_frame_kind kind = BH_FRAME_UNKNOWN;
	uint16_t type = link_layer(&c, link);

	for (unsigned i = 0; i < MAX_PACKETS && bh_cur_ok(&c); i++) {
		kind = packet(&c, &type, ret);
		if (!type)
			break;
	}
	return bh_cur_ok(&c) ? kind : BH_FRAME_CUT;
}
