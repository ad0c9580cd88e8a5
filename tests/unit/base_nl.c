#include "base/buf.h"
#include "base/nl.h"
#include "tap.h"

/* One attribute, padded. */
static void attr(struct bh_buf *b, uint16_t type, const void *v, uint16_t len)
{
	const uint16_t head[2] = { (uint16_t)(4 + len), type };

	bh_buf_add(b, head, sizeof head);
	bh_buf_add(b, v, len);
	while (b->len & 3)
		bh_buf_u8(b, 0);
}

/* One message: family 2, two attributes, and four bytes that are none. */
static void message(struct bh_buf *b, uint32_t seq)
{
	const uint8_t nfgen[4] = { 2 };
	struct nlmsghdr h = { .nlmsg_len = 44, .nlmsg_type = 0x0a03, .nlmsg_seq = seq };

	h.nlmsg_flags = NLM_F_MULTI;
	h.nlmsg_pid = 9;
	bh_buf_add(b, &h, sizeof h);
	bh_buf_add(b, nfgen, sizeof nfgen);
	attr(b, 7 | NLA_F_NESTED, "abcd", 4);
	attr(b, 1, "lease\0\0", 7);
	bh_buf_add(b, "\0\0\0", 4);
}

static struct bh_cur cursor(const struct bh_buf *b)
{
	return bh_cur_of(bh_span_of(b->ptr, b->len));
}

static void test_a_message_and_its_attributes_are_read_whole(void)
{
	BH_AUTO_BUF b = { 0 };
	struct bh_nl_message m;
	struct bh_nl_attr a;

	message(&b, 77);
	struct bh_cur c = cursor(&b);
	EXPECT(bh_nl_message_next(&c, &m));
	EXPECT_INT(m.type, 0x0a03);
	EXPECT_INT(m.flags, NLM_F_MULTI);
	EXPECT_INT(m.seq, 77);
	EXPECT_INT(m.whole.len, 44);
	EXPECT_INT(m.body.len, 28);
	EXPECT_INT(bh_nl_family(&m), 2);

	struct bh_cur in = bh_cur_of(bh_nl_attrs(&m));
	EXPECT(bh_nl_attr_next(&in, &a));
	EXPECT_INT(a.type, 7);
	EXPECT(a.is.len == 4 && !memcmp(a.is.ptr, "abcd", 4));
	EXPECT(bh_nl_attr_next(&in, &a));
	EXPECT_INT(a.type, 1);
	EXPECT(a.is.len == 7 && !memcmp(a.is.ptr, "lease\0\0", 7));
	EXPECT(!bh_nl_attr_next(&in, &a) && !bh_cur_ok(&in)); /* four zeros are no attribute */

	EXPECT(!bh_nl_message_next(&c, &m));
	EXPECT(bh_cur_ok(&c));
}

static void test_messages_follow_each_other_and_the_last_padding_may_lack(void)
{
	const uint8_t body[3] = { 1, 2, 3 };
	const struct nlmsghdr h = { .nlmsg_len = sizeof h + sizeof body, .nlmsg_type = 3 };
	BH_AUTO_BUF b = { 0 };
	struct bh_nl_message m;

	bh_buf_add(&b, &h, sizeof h);
	bh_buf_add(&b, body, sizeof body);
	bh_buf_u8(&b, 0);
	message(&b, 1);
	bh_buf_add(&b, &h, sizeof h);
	bh_buf_add(&b, body, sizeof body);
	struct bh_cur c = cursor(&b);
	EXPECT(bh_nl_message_next(&c, &m) && m.body.len == 3 && m.whole.len == 19);
	EXPECT(bh_nl_message_next(&c, &m) && m.seq == 1);
	EXPECT(bh_nl_message_next(&c, &m) && m.body.len == 3);
	EXPECT_INT(bh_nl_attrs(&m).len, 0); /* too short for what netfilter puts first */
	EXPECT(!bh_nl_message_next(&c, &m) && bh_cur_ok(&c));
}

static void test_every_truncation_is_refused(void)
{
	BH_AUTO_BUF b = { 0 };
	struct bh_nl_message m;
	struct bh_nl_attr a;
	uint8_t one[7];

	message(&b, 1);
	for (size_t cut = 1; cut < b.len; cut++) {
		struct bh_cur c = bh_cur_of(bh_span_of(b.ptr, cut));
		EXPECT(!bh_nl_message_next(&c, &m) && !bh_cur_ok(&c));
	}
	memcpy(one, b.ptr + 20, sizeof one);
	for (size_t cut = 1; cut <= sizeof one; cut++) {
		struct bh_cur c = bh_cur_of(bh_span_of(one, cut));
		EXPECT(!bh_nl_attr_next(&c, &a) && !bh_cur_ok(&c));
	}
}

static void test_one_lie_per_length_is_refused(void)
{
	const uint32_t lengths[] = { 0, 1, 15, 45, 0x7fffffff, 0xffffffff };
	const uint16_t attrs[] = { 0, 1, 3, 29, 0xffff };
	BH_AUTO_BUF b = { 0 };
	struct bh_nl_message m;
	struct bh_nl_attr a;

	message(&b, 1);
	struct bh_cur whole = cursor(&b);
	EXPECT(bh_nl_message_next(&whole, &m));
	for (size_t i = 0; i < BH_LEN(attrs); i++) {
		memcpy(b.ptr + 20, &attrs[i], 2);
		struct bh_cur c = bh_cur_of(bh_nl_attrs(&m));
		EXPECT(!bh_nl_attr_next(&c, &a) && !bh_cur_ok(&c));
	}
	for (size_t i = 0; i < BH_LEN(lengths); i++) {
		memcpy(b.ptr, &lengths[i], 4);
		struct bh_cur c = cursor(&b);
		EXPECT(!bh_nl_message_next(&c, &m) && !bh_cur_ok(&c));
	}
}

int main(void)
{
	RUN(test_a_message_and_its_attributes_are_read_whole);
	RUN(test_messages_follow_each_other_and_the_last_padding_may_lack);
	RUN(test_every_truncation_is_refused);
	RUN(test_one_lie_per_length_is_refused);
	return tap_done();
}
