#include "smb_make.h"

#include "capture/capture.h"
#include "tap.h"

static enum bh_frame_kind frame(
	uint32_t link, const struct bh_buf *b, size_t n, struct bh_segment *ret)
{
	uint8_t *keep = malloc(n ? n : 1);

	memcpy(keep, bh_buf_text(b), n);
	enum bh_frame_kind k = bh_frame_read(link, bh_span_of(keep, n), ret);
	if (k == BH_FRAME_TCP && ret->payload.len) /* reads what it points to */
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
		{ 101, "", 0 },
		{ 12, "", 0 },
		{ 228, "", 0 },
		{ 0, "\x02\0\0\0", 4 },
		{ 108, "\0\0\0\x02", 4 },
		{ 113, "\0\0\0\x01\0\x06macmac\0\0\x08\x00", 16 },
		{ 276, "\x08\x00\0\0\0\0\0\x01\0\x01\0\x06macmac\0\0", 20 },
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
	BH_AUTO_BUF six = { 0 };
	bh_buf_add(&six, "ddddddssssss\x86\xdd", 14);
	ip6(&six, NULL, NULL, 0);
	expect_segment(1, &six);
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
	b.ptr[9] = 17;
	EXPECT_INT(frame(101, &b, b.len, &g), BH_FRAME_OTHER);
	b.ptr[9] = 47; /* GRE may hide anything */
	EXPECT_INT(frame(101, &b, b.len, &g), BH_FRAME_UNKNOWN);
	EXPECT_INT(frame(147, &b, b.len, &g), BH_FRAME_UNKNOWN);
	b.ptr[0] = 0x55;
	EXPECT_INT(frame(101, &b, b.len, &g), BH_FRAME_UNKNOWN);
}

int main(void)
{
	RUN(test_every_link_layer_leads_to_the_segment);
	RUN(test_ipv6_extension_headers_are_stepped_over);
	RUN(test_every_truncation_is_told_as_cut_or_as_missing_payload);
	RUN(test_each_lying_length_is_refused);
	RUN(test_what_is_not_followed_is_told_apart);
	return tap_done();
}
