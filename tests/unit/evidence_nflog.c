#include <linux/netfilter/nfnetlink_log.h>

#include "evidence/evidence.h"
#include "tap.h"

#define NOW (1769860800 * BH_SECOND)

/* Host-order numbers, as netlink has them. */
static void host(struct bh_buf *b, const void *v, size_t n)
{
	bh_buf_add(b, v, n);
}

static void attribute(struct bh_buf *b, uint16_t type, const void *v, size_t n)
{
	uint16_t len = (uint16_t)(n + 4);

	host(b, &len, 2);
	host(b, &type, 2);
	bh_buf_add(b, v, n);
	while (b->len % 4)
		bh_buf_u8(b, 0);
}

static void message(
	struct bh_buf *b, uint16_t type, const char *prefix, const void *packet, size_t n)
{
	size_t start = b->len;
	uint8_t header[12] = { 0 };

	memcpy(header, &type, 2);
	bh_buf_le32(b, 0);
	bh_buf_add(b, header, sizeof header);
	bh_buf_add(b, "\2\0\1\275", 4); /* AF_INET, version 0, group 445 */
	if (prefix)
		attribute(b, NFULA_PREFIX, prefix, strlen(prefix) + 1);
	if (packet)
		attribute(b, NFULA_PAYLOAD, packet, n);
	uint32_t len = (uint32_t)(b->len - start);
	memcpy(b->ptr + start, &len, 4);
}

/* 10.0.0.1:50000 → 10.0.0.2:445, SYN */
static const uint8_t syn4[40] = { 0x45, 0, 0, 40, 1, 2, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0,
	2, 0xc3, 0x50, 1, 0xbd, 1, 2, 3, 4, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0 };

/* fd00::1 → fd00::2 port 139, behind hop-by-hop options, no SYN */
static const uint8_t data6[68] = { 0x60, 0, 0, 0, 0, 28, 0, 64,
	0xfd, [23] = 1, [24] = 0xfd, [39] = 2, [40] = 6, 0, 1, 4, 0, 0, 0, 0, 0xc3, 0x50, 0, 139, 1,
	2, 3, 4, 1, 1, 1, 1, 0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0 };

static void test_a_logged_syn_is_a_connection_that_would_be_blocked(void)
{
	BH_AUTO_BUF b = { 0 };
	struct bh_fact f;
	char text[BH_ADDR_TEXT];

	message(&b, 0x400, "bh fwd tcp/445", syn4, sizeof syn4);
	EXPECT_INT(bh_evidence_nflog(bh_span_of(b.ptr, b.len), NOW, &f), 0);
	const struct bh_conversation *c = &f.leaf_is.who;
	EXPECT_STR(bh_addr_format(&c->client, text), "10.0.0.1");
	EXPECT_STR(bh_addr_format(&c->server, text), "10.0.0.2");
	EXPECT_INT(c->port, 445);
	EXPECT_INT(c->transport, BH_TRANSPORT_TCP445);
	EXPECT_INT(c->outcome, BH_WOULD_BLOCK);
	EXPECT_INT(f.leaf_is.figures.connections, 1);
	EXPECT(f.leaf_is.figures.last_seen == NOW);
	EXPECT(bh_fact_sane(&f));
}

static void test_a_later_packet_is_no_new_connection(void)
{
	BH_AUTO_BUF b = { 0 };
	struct bh_fact f;
	char text[BH_ADDR_TEXT];

	message(&b, 0x400, "bh in tcp/139", data6, sizeof data6);
	EXPECT_INT(bh_evidence_nflog(bh_span_of(b.ptr, b.len), NOW, &f), 0);
	EXPECT_STR(bh_addr_format(&f.leaf_is.who.server, text), "fd00::2");
	EXPECT_INT(f.leaf_is.who.transport, BH_TRANSPORT_NBSS139);
	EXPECT_INT(f.leaf_is.figures.connections, 0);
}

static void test_a_datagram_is_a_connection(void)
{
	BH_AUTO_BUF b = { 0 };
	uint8_t p[28] = { 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 255, 0,
		137, 0, 137, 0, 8, 0, 0 };
	struct bh_fact f;

	message(&b, 0x400, "bh in udp/137", p, sizeof p);
	EXPECT_INT(bh_evidence_nflog(bh_span_of(b.ptr, b.len), NOW, &f), 0);
	EXPECT_INT(f.leaf_is.who.transport, BH_TRANSPORT_OTHER);
	EXPECT_INT(f.leaf_is.figures.connections, 1);
}

static void test_what_is_not_ours_is_left_alone(void)
{
	BH_AUTO_BUF a = { 0 };
	BH_AUTO_BUF b = { 0 };
	BH_AUTO_BUF c = { 0 };
	struct bh_fact f;

	message(&a, 0x400, "somebody's ", syn4, sizeof syn4);
	EXPECT_INT(bh_evidence_nflog(bh_span_of(a.ptr, a.len), NOW, &f), -ENOMSG);
	message(&b, 0x400, NULL, syn4, sizeof syn4);
	EXPECT_INT(bh_evidence_nflog(bh_span_of(b.ptr, b.len), NOW, &f), -ENOMSG);
	message(&c, 3, "bh in tcp/445", syn4, sizeof syn4); /* NLMSG_DONE */
	EXPECT_INT(bh_evidence_nflog(bh_span_of(c.ptr, c.len), NOW, &f), -ENOMSG);
}

/* The message's own length says so, and so does each cut of the packet inside. */
static void test_every_truncation_is_refused(void)
{
	BH_AUTO_BUF b = { 0 };
	struct bh_fact f;

	message(&b, 0x400, "bh fwd tcp/445", syn4, sizeof syn4);
	for (size_t cut = 0; cut < b.len; cut++)
		EXPECT_INT(bh_evidence_nflog(bh_span_of(b.ptr, cut), NOW, &f), -EBADMSG);
	for (size_t cut = 0; cut < 34; cut++) { /* up to the flags */
		BH_AUTO_BUF m = { 0 };
		message(&m, 0x400, "bh fwd tcp/445", syn4, cut);
		EXPECT_INT(bh_evidence_nflog(bh_span_of(m.ptr, m.len), NOW, &f), -EBADMSG);
	}
	for (size_t cut = 0; cut < 62; cut++) {
		BH_AUTO_BUF m = { 0 };
		message(&m, 0x400, "bh in tcp/139", data6, cut);
		EXPECT_INT(bh_evidence_nflog(bh_span_of(m.ptr, m.len), NOW, &f), -EBADMSG);
	}
}

static int with_byte(const uint8_t *packet, size_t n, size_t at, uint8_t v)
{
	BH_AUTO_BUF b = { 0 };
	uint8_t copy[128];
	struct bh_fact f;

	memcpy(copy, packet, n);
	copy[at] = v;
	message(&b, 0x400, "bh fwd tcp/445", copy, n);
	return bh_evidence_nflog(bh_span_of(b.ptr, b.len), NOW, &f);
}

static void test_one_lie_per_length_is_refused(void)
{
	BH_AUTO_BUF b = { 0 };
	struct bh_fact f;

	EXPECT_INT(with_byte(syn4, sizeof syn4, 0, 0x45), 0);
	EXPECT_INT(with_byte(syn4, sizeof syn4, 0, 0x44), -EBADMSG); /* IHL below 5 */
	EXPECT_INT(with_byte(syn4, sizeof syn4, 0, 0x4f), -EBADMSG); /* IHL beyond the end */
	EXPECT_INT(with_byte(syn4, sizeof syn4, 0, 0x55), -EBADMSG); /* version */
	EXPECT_INT(with_byte(syn4, sizeof syn4, 7, 1), -EBADMSG); /* a later fragment */
	EXPECT_INT(with_byte(syn4, sizeof syn4, 9, 1), -EBADMSG); /* ICMP */
	EXPECT_INT(with_byte(data6, sizeof data6, 41, 0), 0);
	EXPECT_INT(with_byte(data6, sizeof data6, 41, 9), -EBADMSG); /* options past the end */

	message(&b, 0x400, "bh fwd tcp/445", syn4, sizeof syn4);
	uint16_t lies[] = { 0, 3, 0xffff };
	for (size_t i = 0; i < BH_LEN(lies); i++) { /* the first attribute's length */
		memcpy(b.ptr + 20, &lies[i], 2);
		EXPECT_INT(bh_evidence_nflog(bh_span_of(b.ptr, b.len), NOW, &f), -EBADMSG);
	}
}

static void test_a_datagram_of_several_messages_is_walked(void)
{
	BH_AUTO_BUF b = { 0 };
	struct bh_span one;
	struct bh_fact f;
	unsigned n = 0;

	for (int i = 0; i < 3; i++)
		message(&b, 0x400, "bh fwd tcp/445", syn4, sizeof syn4);
	struct bh_cur c = bh_cur_of(bh_span_of(b.ptr, b.len));
	while (bh_evidence_nflog_next(&c, &one)) {
		EXPECT_INT(bh_evidence_nflog(one, NOW, &f), 0);
		n++;
	}
	EXPECT_INT(n, 3);
	EXPECT(bh_cur_ok(&c));

	uint32_t lies[] = { 0, 15, 0xffffffff };
	for (size_t i = 0; i < BH_LEN(lies); i++) {
		memcpy(b.ptr, &lies[i], 4);
		c = bh_cur_of(bh_span_of(b.ptr, b.len));
		EXPECT(!bh_evidence_nflog_next(&c, &one));
		EXPECT(!bh_cur_ok(&c));
	}
}

int main(void)
{
	RUN(test_a_logged_syn_is_a_connection_that_would_be_blocked);
	RUN(test_a_later_packet_is_no_new_connection);
	RUN(test_a_datagram_is_a_connection);
	RUN(test_what_is_not_ours_is_left_alone);
	RUN(test_every_truncation_is_refused);
	RUN(test_one_lie_per_length_is_refused);
	RUN(test_a_datagram_of_several_messages_is_walked);
	return tap_done();
}
