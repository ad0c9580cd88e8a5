#include "smb_make.h"

#include "capture/capture.h"
#include "tap.h"

static enum bh_frame_kind frame(
	uint32_t link, const struct bh_buf *b, size_t n, struct bh_segment *ret)
{
	uint8_t *keep = malloc(n ? n : 1);

	memcpy(keep, bh_buf_text(b), n);
	enum bh_frame_kind k = bh_frame_read(link, bh_span_of(keep, n), ret);
	if ((k == BH_FRAME_TCP || k == BH_FRAME_UDP) &&
		ret->payload.len) /* reads what it points to */
		EXPECT(ret->payload.ptr >= keep && ret->payload.ptr + ret->payload.len <= keep + n);
	free(keep);
	return k;
}

static void ip4(struct bh_buf *b)
{
	struct tcp t = { .src = 0x0a000001,
		.dst = 0x0a000002,
		.sport = 50000,
		.dport = 445,
		.seq = 7,
		.ack = 9,
		.flags = 0x18 };

	tcp_packet(b, &t, "payload", 7);
}

/* With the extension headers given: pairs of (type, bytes). */
static void ip6(struct bh_buf *b, const uint8_t *types, const uint8_t *lens, size_t n)
{
	struct bh_buf v4 = { 0 };
	size_t extra = 0;

	ip4(&v4);
	for (size_t i = 0; i < n; i++)
		extra += lens[i];
	put32be(b, 0x60000000);
	put16be(b, (unsigned)(extra + v4.len - 20));
	bh_buf_u8(b, n ? types[0] : 6);
	bh_buf_u8(b, 64);
	put_zero(b, 15);
	bh_buf_u8(b, 1);
	put_zero(b, 15);
	bh_buf_u8(b, 2);
	for (size_t i = 0; i < n; i++) {
		bh_buf_u8(b, i + 1 < n ? types[i + 1] : 6);
		bh_buf_u8(b,
			types[i] == 51 ? (uint8_t)(lens[i] / 4 - 2) : (uint8_t)(lens[i] / 8 - 1));
		put_zero(b, lens[i] - 2u);
	}
	bh_buf_add(b, v4.ptr + 20, v4.len - 20);
	bh_buf_reset(&v4);
}

static void expect_segment(uint32_t link, const struct bh_buf *b)
{
	struct bh_segment g = { 0 };

	EXPECT_INT(frame(link, b, b->len, &g), BH_FRAME_TCP);
	EXPECT_INT(g.sport, 50000);
	EXPECT_INT(g.dport, 445);
	EXPECT_INT(g.seq, 7);
	EXPECT_INT(g.ack, 9);
	EXPECT_INT(g.wire_len, 7);
	EXPECT_INT(g.payload.len, 7);
}

static void test_every_link_layer_leads_to_the_segment(void)
{
	static const struct {
		uint32_t link;
		const char *bytes;
		size_t n;
	} t[] = {
		{ 1, "ddddddssssss\x08\x00", 14 },
		{ 1, "ddddddssssss\x81\x00\x00\x05\x08\x00", 18 },
		{ 1, "ddddddssssss\x88\xa8\x00\x05\x81\x00\x00\x06\x08\x00", 22 },
		{ 1, "ddddddssssss\x91\x00\x00\x05\x92\x00\x00\x06\x08\x00", 22 },
		{ 1, "ddddddssssss\x88\x64\x11\x00\x00\x07\x00\x31\x00\x21", 22 },
		{ 1, "ddddddssssss\x88\x47\x00\x01\x00\x40\x00\x02\x01\x40", 22 },
		{ 1, "ddddddssssss\x81\x00\x00\x05\x88\x48\x00\x02\x01\x40", 22 },
		{ 101, "", 0 },
		{ 12, "", 0 },
		{ 14, "", 0 },
		{ 228, "", 0 },
		{ 0, "\x02\0\0\0", 4 },
		{ 0, "\0\0\0\x02", 4 }, /* from a host of the other order */
		{ 108, "\0\0\0\x02", 4 },
		{ 113, "\0\0\0\x01\0\x06macmac\0\0\x08\x00", 16 },
		{ 113, "\0\0\0\x01\0\x06macmac\0\0\x81\x00\0\x05\x08\x00", 20 },
		/* protocol, reserved, interface, ARPHRD, direction, length, address */
		{ 276, "\x08\x00\0\0\0\0\0\x01\0\x01\0\x06macmac\0\0", 20 },
		{ 276, "\x81\x00\0\0\0\0\0\x02\0\x01\x04\x06macmac\0\0\0\x05\x08\x00", 24 },
	};

	for (size_t i = 0; i < BH_LEN(t); i++) {
		BH_AUTO_BUF b = { 0 };
		bh_buf_add(&b, t[i].bytes, t[i].n);
		ip4(&b);
		expect_segment(t[i].link, &b);
	}
	BH_AUTO_BUF padded = { 0 };
	bh_buf_add(&padded, "ddddddssssss\x08\x00", 14);
	ip4(&padded);
	put_zero(&padded, 13); /* Ethernet's padding is no payload */
	expect_segment(1, &padded);
	static const char *const loops[] = { "\x1e\0\0\0", "\x1c\0\0\0", "\x18\0\0\0",
		"\0\0\0\x0a" };
	for (size_t i = 0; i < BH_LEN(loops); i++) { /* one number per BSD */
		BH_AUTO_BUF loop = { 0 };
		bh_buf_add(&loop, loops[i], 4);
		ip6(&loop, NULL, NULL, 0);
		expect_segment(i == 3 ? 108 : 0, &loop);
	}
	BH_AUTO_BUF six = { 0 };
	bh_buf_add(&six, "ddddddssssss\x86\xdd", 14);
	ip6(&six, NULL, NULL, 0);
	expect_segment(1, &six);
}

static void test_what_stands_before_a_packet_in_vain_is_unknown(void)
{
	static const struct {
		const char *bytes;
		size_t n;
	} t[] = {
		{ "ddddddssssss\x00\x30\xaa\xaa\x03\0\0\0\x08\x00", 22 }, /* 802.3, SNAP */
		{ "ddddddssssss\x00\x30\x42\x42\x03", 17 }, /* 802.3, spanning tree */
		{ "ddddddssssss\x88\x64\x11\x09\x00\x07\x00\x31\x00\x21", 22 }, /* no session */
		{ "ddddddssssss\x88\x64\x11\x00\x00\x07\x00\x31\xc0\x21", 22 }, /* LCP */
		{ "ddddddssssss\x88\x47\x00\x02\x01\x40\0\0\0\0", 22 }, /* a pseudowire */
		{ "ddddddssssss\x88\xcc", 14 }, /* LLDP */
	};
	struct bh_segment g;

	for (size_t i = 0; i < BH_LEN(t); i++) {
		BH_AUTO_BUF b = { 0 };
		bh_buf_add(&b, t[i].bytes, t[i].n);
		ip4(&b);
		EXPECT_INT(frame(1, &b, b.len, &g), BH_FRAME_UNKNOWN);
	}
	BH_AUTO_BUF tags = { 0 };
	bh_buf_add(&tags, "ddddddssssss", 12);
	for (size_t i = 0; i < 5; i++) /* one more than anybody stacks */
		bh_buf_add(&tags, "\x81\x00\x00\x05", 4);
	put16be(&tags, 0x0800);
	ip4(&tags);
	EXPECT_INT(frame(1, &tags, tags.len, &g), BH_FRAME_UNKNOWN);
	BH_AUTO_BUF labels = { 0 };
	bh_buf_add(&labels, "ddddddssssss\x88\x47", 14);
	for (size_t i = 0; i < 8; i++)
		put32be(&labels, 0x00010040);
	put32be(&labels, 0x00010140);
	ip4(&labels);
	EXPECT_INT(frame(1, &labels, labels.len, &g), BH_FRAME_UNKNOWN);
}

static void test_options_of_ipv4_and_of_tcp_are_stepped_over(void)
{
	BH_AUTO_BUF plain = { 0 };
	BH_AUTO_BUF b = { 0 };

	ip4(&plain);
	bh_buf_u8(&b, 0x4f); /* 40 bytes of options */
	bh_buf_u8(&b, 0);
	put16be(&b, 60 + 60 + 7);
	bh_buf_add(&b, plain.ptr + 4, 16);
	put_zero(&b, 40);
	bh_buf_add(&b, plain.ptr + 20, 12);
	bh_buf_u8(&b, 0xf0);
	bh_buf_add(&b, plain.ptr + 33, 7);
	put_zero(&b, 40);
	bh_buf_add(&b, "payload", 7);
	expect_segment(228, &b);
	BH_AUTO_BUF ah = { 0 }; /* RFC 4302, as IPsec without encryption has it */
	bh_buf_add(&ah, plain.ptr, 20);
	ah.ptr[3] = 47 + 24;
	ah.ptr[9] = 51;
	bh_buf_add(&ah, "\x06\x04", 2);
	put_zero(&ah, 22);
	bh_buf_add(&ah, plain.ptr + 20, plain.len - 20);
	expect_segment(228, &ah);
}

/* An IPv4 packet around what is in *b, which is emptied. */
static void around_ip4(struct bh_buf *b, uint8_t proto)
{
	struct bh_buf out = { 0 };

	bh_buf_u8(&out, 0x45);
	bh_buf_u8(&out, 0);
	put16be(&out, (unsigned)(20 + b->len));
	put32be(&out, 0x00004000);
	bh_buf_u8(&out, 64);
	bh_buf_u8(&out, proto);
	put16be(&out, 0);
	put32be(&out, 0xc0a80001);
	put32be(&out, 0xc0a80002);
	bh_buf_add(&out, bh_buf_text(b), b->len);
	bh_buf_reset(b);
	*b = out;
}

static void around_ip6(struct bh_buf *b, uint8_t proto)
{
	struct bh_buf out = { 0 };

	put32be(&out, 0x60000000);
	put16be(&out, (unsigned)b->len);
	bh_buf_u8(&out, proto);
	bh_buf_u8(&out, 64);
	for (uint8_t i = 0; i < 32; i++)
		bh_buf_u8(&out, i);
	bh_buf_add(&out, bh_buf_text(b), b->len);
	bh_buf_reset(b);
	*b = out;
}

static void around_udp(struct bh_buf *b, uint16_t sport, uint16_t dport)
{
	struct bh_buf out = { 0 };

	put16be(&out, sport);
	put16be(&out, dport);
	put16be(&out, (unsigned)(8 + b->len));
	put16be(&out, 0);
	bh_buf_add(&out, bh_buf_text(b), b->len);
	bh_buf_reset(b);
	*b = out;
}

static void expect_datagram(uint32_t link, const struct bh_buf *b, size_t missing)
{
	struct bh_segment g = { 0 };

	EXPECT_INT(frame(link, b, b->len - missing, &g), BH_FRAME_UDP);
	EXPECT_INT(g.sport, 40000);
	EXPECT_INT(g.dport, 443);
	EXPECT_INT(g.wire_len, 8);
	EXPECT_INT(g.payload.len, 8 - missing);
	EXPECT(!g.seq && !g.ack && !g.flags);
}

static void test_a_datagram_is_told_with_its_ends(void)
{
	struct bh_segment g = { 0 };
	char text[BH_ADDR_TEXT];
	BH_AUTO_BUF b = { 0 };
	BH_AUTO_BUF six = { 0 };

	bh_buf_add(&b, "datagram", 8);
	around_udp(&b, 40000, 443);
	bh_buf_add(&six, b.ptr, b.len);
	around_ip4(&b, 17);
	around_ip6(&six, 17);
	expect_datagram(228, &b, 0);
	expect_datagram(228, &b, 3);
	expect_datagram(229, &six, 0);
	EXPECT_INT(frame(228, &b, b.len, &g), BH_FRAME_UDP);
	EXPECT_STR(bh_addr_format(&g.src, text), "192.168.0.1");
	EXPECT_STR(bh_addr_format(&g.dst, text), "192.168.0.2");
	for (size_t n = 0; n < 28; n++)
		EXPECT_INT(frame(228, &b, n, &g), BH_FRAME_CUT);
	put_zero(&b, 10); /* padding of the link layer */
	expect_datagram(228, &b, 0);
}

static void test_each_lying_length_of_a_datagram_is_refused(void)
{
	struct bh_segment g;
	BH_AUTO_BUF b = { 0 };

	bh_buf_add(&b, "datagram", 8);
	around_udp(&b, 40000, 443);
	around_ip4(&b, 17);
	b.ptr[25] = 7; /* less than its own header */
	EXPECT_INT(frame(228, &b, b.len, &g), BH_FRAME_CUT);
	b.ptr[25] = 17; /* more than IP has */
	EXPECT_INT(frame(228, &b, b.len, &g), BH_FRAME_CUT);
	b.ptr[25] = 12; /* less: what follows is not in it */
	EXPECT_INT(frame(228, &b, b.len, &g), BH_FRAME_UDP);
	EXPECT_INT(g.payload.len, 4);
	b.ptr[25] = 0; /* left to the hardware */
	expect_datagram(228, &b, 0);
	b.ptr[6] = 0x20; /* the first piece of several: its rest is not to be had */
	EXPECT_INT(frame(228, &b, b.len, &g), BH_FRAME_OTHER);
	b.ptr[6] = 0;
	b.ptr[7] = 2;
	EXPECT_INT(frame(228, &b, b.len, &g), BH_FRAME_OTHER);
}

static void prefix(struct bh_buf *b, const char *bytes, size_t n)
{
	struct bh_buf out = { 0 };

	bh_buf_add(&out, bytes, n);
	bh_buf_add(&out, bh_buf_text(b), b->len);
	bh_buf_reset(b);
	*b = out;
}

/* Each takes *b, a packet from its IP header on, and puts it into a tunnel. */
static void in_vxlan(struct bh_buf *b)
{
	prefix(b, "\x08\0\0\0\0\0\x2a\0ddddddssssss\x08\x00", 22);
	around_udp(b, 55555, 4789);
	around_ip4(b, 17);
}

static void in_vxlan_of_linux(struct bh_buf *b)
{
	prefix(b, "\x08\0\0\0\0\0\x2a\0ddddddssssss\x81\x00\0\x05\x08\x00", 26);
	around_udp(b, 55555, 8472);
	around_ip6(b, 17);
}

static void in_gre(struct bh_buf *b)
{
	prefix(b, "\0\0\x08\x00", 4);
	around_ip4(b, 47);
}

static void in_full_gre(struct bh_buf *b)
{
	prefix(b, "\xb0\0\x08\x00sum.key.seq.", 16);
	around_ip6(b, 47);
}

static void in_bridged_gre(struct bh_buf *b)
{
	prefix(b, "\x20\0\x65\x58key.ddddddssssss\x08\x00", 22);
	around_ip4(b, 47);
}

static void in_erspan(struct bh_buf *b)
{
	prefix(b, "\x10\0\x88\xbeseq.\x10\x05\0\x01\0\0\0\0ddddddssssss\x08\x00", 30);
	around_ip4(b, 47);
}

static void in_old_erspan(struct bh_buf *b)
{
	prefix(b, "\0\0\x88\276ddddddssssss\x08\x00", 18);
	around_ip4(b, 47);
}

static void in_ipip(struct bh_buf *b)
{
	around_ip4(b, 4);
}

static void in_4in6(struct bh_buf *b)
{
	around_ip6(b, 4);
}

static void (*const tunnels[])(struct bh_buf *) = { in_vxlan, in_vxlan_of_linux, in_gre,
	in_full_gre, in_bridged_gre, in_erspan, in_old_erspan, in_ipip, in_4in6 };

/* A packet may begin with either version of IP: link 101 tells by its first byte. */
static void test_a_tunnel_tells_what_is_in_it(void)
{
	for (size_t i = 0; i < BH_LEN(tunnels); i++) {
		BH_AUTO_BUF b = { 0 };
		BH_AUTO_BUF u = { 0 };
		ip4(&b);
		tunnels[i](&b);
		put_zero(&b, 6);
		expect_segment(101, &b);
		bh_buf_add(&u, "datagram", 8);
		around_udp(&u, 40000, 443);
		around_ip4(&u, 17);
		tunnels[i](&u);
		expect_datagram(101, &u, 0);
	}
	BH_AUTO_BUF six = { 0 };
	ip6(&six, NULL, NULL, 0);
	around_ip4(&six, 41); /* RFC 4213 */
	expect_segment(101, &six);
	around_ip6(&six, 4);
	expect_segment(101, &six);
}

static void test_every_truncation_of_a_tunnel_is_cut_or_told_as_the_datagram_it_is(void)
{
	for (size_t i = 0; i < BH_LEN(tunnels); i++) {
		struct bh_segment g;
		BH_AUTO_BUF b = { 0 };
		ip4(&b);
		tunnels[i](&b);
		for (size_t n = 0; n < b.len; n++) {
			enum bh_frame_kind k = frame(101, &b, n, &g);
			if (n + 7 >= b.len)
				EXPECT_INT(k, BH_FRAME_TCP);
			else if (k != BH_FRAME_CUT) /* no eight bytes of VXLAN yet */
				EXPECT(i < 2 && k == BH_FRAME_UDP && g.payload.len < 8);
		}
	}
}

static void test_nesting_has_an_end(void)
{
	static void (*const mixed[])(struct bh_buf *) = { in_vxlan, in_ipip, in_bridged_gre };
	struct bh_segment g;
	BH_AUTO_BUF b = { 0 };

	ip4(&b);
	for (unsigned depth = 1; depth <= 6; depth++) {
		mixed[depth % 3](&b);
		if (depth <= 4)
			expect_segment(101, &b);
		else
			EXPECT_INT(frame(101, &b, b.len, &g), BH_FRAME_UNKNOWN);
	}
}

static void test_what_is_no_tunnel_after_all(void)
{
	struct bh_segment g;
	BH_AUTO_BUF b = { 0 };
	BH_AUTO_BUF gre = { 0 };
	BH_AUTO_BUF arp = { 0 };

	ip4(&b);
	in_vxlan(&b);
	b.ptr[28] = 0; /* says of no network */
	EXPECT_INT(frame(101, &b, b.len, &g), BH_FRAME_UDP);
	EXPECT_INT(g.dport, 4789);
	b.ptr[28] = 0x0c; /* something else than Ethernet inside */
	EXPECT_INT(frame(101, &b, b.len, &g), BH_FRAME_UDP);
	b.ptr[28] = 0x08;
	b.ptr[49] = 0x07; /* Ethernet, with something unknown in it */
	EXPECT_INT(frame(101, &b, b.len, &g), BH_FRAME_UNKNOWN);
	ip4(&gre);
	in_gre(&gre);
	gre.ptr[21] = 1; /* PPTP's */
	EXPECT_INT(frame(101, &gre, gre.len, &g), BH_FRAME_UNKNOWN);
	gre.ptr[21] = 0;
	gre.ptr[20] = 0x40; /* source routes, which nobody has */
	EXPECT_INT(frame(101, &gre, gre.len, &g), BH_FRAME_UNKNOWN);
	gre.ptr[20] = 0;
	gre.ptr[6] = 0x20; /* a piece of a tunnel's packet */
	EXPECT_INT(frame(101, &gre, gre.len, &g), BH_FRAME_UNKNOWN);
	bh_buf_add(&arp,
		"\0\0\x65\x58"
		"ddddddssssss\x08\x06",
		18);
	around_ip4(&arp, 47);
	EXPECT_INT(frame(101, &arp, arp.len, &g), BH_FRAME_OTHER);
}

/* An inner packet that claims more than its tunnel carries was not captured whole. */
static void test_an_inner_length_cannot_reach_behind_its_tunnel(void)
{
	struct bh_segment g;
	BH_AUTO_BUF b = { 0 };

	ip4(&b);
	b.ptr[3] = 57; /* ten more than there are */
	in_ipip(&b);
	bh_buf_add(&b, "padding of the link", 19);
	EXPECT_INT(frame(101, &b, b.len, &g), BH_FRAME_TCP);
	EXPECT_INT(g.payload.len, 7);
	EXPECT_INT(g.wire_len, 17);
}

static void test_ipv6_extension_headers_are_stepped_over(void)
{
	static const uint8_t types[] = { 0, 60, 43, 51, 135, 44 };
	static const uint8_t lens[] = { 8, 16, 24, 24, 8, 8 };
	struct bh_segment g;
	BH_AUTO_BUF b = { 0 };
	BH_AUTO_BUF piece = { 0 };

	ip6(&b, types, lens, BH_LEN(types));
	expect_segment(229, &b);
	expect_segment(101, &b);
	for (size_t n = 0; n + 7 < b.len; n++)
		EXPECT(frame(229, &b, n, &g) == BH_FRAME_CUT);

	ip6(&piece, (const uint8_t[]){ 44 }, (const uint8_t[]){ 8 }, 1);
	piece.ptr[43] = 1; /* more fragments */
	EXPECT_INT(frame(229, &piece, piece.len, &g), BH_FRAME_FRAGMENT);
}

static void test_every_truncation_is_told_as_cut_or_as_missing_payload(void)
{
	struct bh_segment g;
	BH_AUTO_BUF b = { 0 };

	bh_buf_add(&b, "ddddddssssss\x81\x00\x00\x05\x08\x00", 18);
	ip4(&b);
	for (size_t n = 0; n < b.len; n++) {
		enum bh_frame_kind k = frame(1, &b, n, &g);
		if (n < 18 + 40) {
			EXPECT_INT(k, BH_FRAME_CUT);
		} else {
			EXPECT_INT(k, BH_FRAME_TCP);
			EXPECT_INT(g.wire_len, 7);
			EXPECT_INT(g.payload.len, n - 58);
		}
	}
}

static void test_each_lying_length_is_refused(void)
{
	struct bh_segment g;
	BH_AUTO_BUF b = { 0 };

	ip4(&b);
	b.ptr[0] = 0x44; /* header of 16 */
	EXPECT_INT(frame(228, &b, b.len, &g), BH_FRAME_CUT);
	b.ptr[0] = 0x4f; /* of 60: the options swallow TCP */
	EXPECT_INT(frame(228, &b, b.len, &g), BH_FRAME_CUT);
	b.ptr[0] = 0x45;
	b.ptr[3] = 19; /* total length within the header */
	EXPECT_INT(frame(228, &b, b.len, &g), BH_FRAME_CUT);
	b.ptr[3] = 47;
	b.ptr[32] = 0x40; /* TCP header of 16 */
	EXPECT_INT(frame(228, &b, b.len, &g), BH_FRAME_CUT);
	b.ptr[32] = (char)0xf0; /* of 60 */
	EXPECT_INT(frame(228, &b, b.len, &g), BH_FRAME_CUT);
	b.ptr[32] = 0x50;
	b.ptr[2] = 1; /* a packet longer than was captured: wire_len says so */
	EXPECT_INT(frame(228, &b, b.len, &g), BH_FRAME_TCP);
	EXPECT_INT(g.wire_len, 263);
	EXPECT_INT(g.payload.len, 7);
	b.ptr[2] = 0;
	b.ptr[3] = 0; /* offload: as long as it is */
	expect_segment(228, &b);
}

static void test_what_is_not_followed_is_told_apart(void)
{
	struct bh_segment g;
	BH_AUTO_BUF b = { 0 };

	ip4(&b);
	b.ptr[6] = 0x20;
	EXPECT_INT(frame(101, &b, b.len, &g), BH_FRAME_FRAGMENT);
	b.ptr[6] = 0x40; /* do not fragment */
	expect_segment(101, &b);
	b.ptr[9] = 1;
	EXPECT_INT(frame(101, &b, b.len, &g), BH_FRAME_OTHER);
	b.ptr[9] = 50; /* ESP may hide anything */
	EXPECT_INT(frame(101, &b, b.len, &g), BH_FRAME_UNKNOWN);
	EXPECT_INT(frame(147, &b, b.len, &g), BH_FRAME_UNKNOWN);
	b.ptr[0] = 0x55;
	EXPECT_INT(frame(101, &b, b.len, &g), BH_FRAME_UNKNOWN);
}

int main(void)
{
	RUN(test_every_link_layer_leads_to_the_segment);
	RUN(test_what_stands_before_a_packet_in_vain_is_unknown);
	RUN(test_options_of_ipv4_and_of_tcp_are_stepped_over);
	RUN(test_ipv6_extension_headers_are_stepped_over);
	RUN(test_every_truncation_is_told_as_cut_or_as_missing_payload);
	RUN(test_each_lying_length_is_refused);
	RUN(test_what_is_not_followed_is_told_apart);
	RUN(test_a_datagram_is_told_with_its_ends);
	RUN(test_each_lying_length_of_a_datagram_is_refused);
	RUN(test_a_tunnel_tells_what_is_in_it);
	RUN(test_every_truncation_of_a_tunnel_is_cut_or_told_as_the_datagram_it_is);
	RUN(test_nesting_has_an_end);
	RUN(test_what_is_no_tunnel_after_all);
	RUN(test_an_inner_length_cannot_reach_behind_its_tunnel);
	return tap_done();
}
