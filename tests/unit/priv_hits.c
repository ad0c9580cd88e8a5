#include "priv/hits.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "tap.h"

static struct nlmsghdr *start(void *room, uint16_t kind)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(room);

	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | kind);
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof *g);
	g->nfgen_family = NFPROTO_INET;
	mnl_attr_put_strz(h, 1, BH_NFT_TABLE);
	return h;
}

static void chain(struct bh_buf *b, const char *name, const char *comment)
{
	_Alignas(struct nlmsghdr) uint8_t room[1024];
	struct nlmsghdr *h = start(room, NFT_MSG_NEWCHAIN);
	uint8_t udata[256] = { 0, (uint8_t)(strlen(comment) + 1) };

	memcpy(udata + 2, comment, strlen(comment) + 1);
	mnl_attr_put_strz(h, NFTA_CHAIN_NAME, name);
	mnl_attr_put(h, NFTA_CHAIN_USERDATA, strlen(comment) + 3, udata);
	bh_buf_add(b, h, h->nlmsg_len);
}

static void counter(struct bh_buf *b, const char *name, uint64_t packets)
{
	_Alignas(struct nlmsghdr) uint8_t room[1024];
	struct nlmsghdr *h = start(room, NFT_MSG_NEWRULE);

	mnl_attr_put_strz(h, NFTA_RULE_CHAIN, name);
	struct nlattr *list = mnl_attr_nest_start(h, NFTA_RULE_EXPRESSIONS);
	struct nlattr *e = mnl_attr_nest_start(h, NFTA_LIST_ELEM);
	mnl_attr_put_strz(h, NFTA_EXPR_NAME, "counter");
	struct nlattr *d = mnl_attr_nest_start(h, NFTA_EXPR_DATA);
	mnl_attr_put_u64(h, NFTA_COUNTER_BYTES, htobe64(packets * 60));
	mnl_attr_put_u64(h, NFTA_COUNTER_PACKETS, htobe64(packets));
	mnl_attr_nest_end(h, d);
	mnl_attr_nest_end(h, e);
	mnl_attr_nest_end(h, list);
	bh_buf_add(b, h, h->nlmsg_len);
}

static struct hits look(struct bh_arena *a, int64_t now, uint64_t allowed, uint64_t blocked)
{
	BH_AUTO_BUF b = { 0 };
	struct hits h = { 0 };

	chain(&b, "g3_in", "bulkhead generation 3 enforce policy 00");
	chain(&b, "g3_in_tcp445_no", "");
	chain(&b, "g3_in_tcp445_s2", "p:9: default block smb");
	chain(&b, "g3_in_s1", "p:7: allow smb from a to b");
	counter(&b, "g3_in_tcp445_no", 99);
	counter(&b, "g3_in_tcp445_s2", blocked);
	counter(&b, "g3_in_s1", allowed);
	EXPECT_INT(hits_read(bh_span_of(b.ptr, b.len), a, &h), 0);
	h.looked = now;
	return h;
}

static void test_the_chains_that_count_are_read_with_their_sentences(void)
{
	BH_AUTO_ARENA a = { 0 };
	struct hits h = look(&a, 5, 12, 3);

	EXPECT_INT(h.n, 2);
	EXPECT_STR(h.v[0].chain, "g3_in_s1");
	EXPECT_STR(h.v[0].is.text, "p:7: allow smb from a to b");
	EXPECT(h.v[0].is.sentence == 1 && h.v[0].is.packets == 12 && h.v[0].is.bytes == 720);
	EXPECT(!h.v[0].is.block && h.v[0].is.hook == BH_IN && h.v[0].is.generation == 3);
	EXPECT(h.v[1].is.block && h.v[1].is.service.port == 445 && h.v[1].is.packets == 3);
}

static void test_when_it_was_met_lies_between_two_looks(void)
{
	BH_AUTO_ARENA a = { 0 };
	struct hits none = { 0 }, one = look(&a, 100, 5, 0), two = look(&a, 200, 5, 0),
		    three = look(&a, 300, 6, 1), anew = look(&a, 400, 2, 1);

	hits_since(&one, &none);
	EXPECT(one.v[0].is.after == 0 && one.v[0].is.until == 100); /* nobody had looked */
	EXPECT(one.v[1].is.until == 0); /* never */
	hits_since(&two, &one);
	EXPECT(two.v[0].is.after == 0 && two.v[0].is.until == 100); /* not again */
	hits_since(&three, &two);
	EXPECT(three.v[0].is.after == 200 && three.v[0].is.until == 300);
	EXPECT(three.v[1].is.after == 200 && three.v[1].is.until == 300);
	hits_since(&anew, &three); /* loaded again under the same number */
	EXPECT(anew.v[0].is.after == 0 && anew.v[0].is.until == 400);
	EXPECT(anew.v[1].is.after == 200 && anew.v[1].is.until == 300);
}

static void test_what_is_kept_is_read_back_and_every_truncation_refused(void)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF b = { 0 };
	struct hits h = look(&a, 100, 5, 1), none = { 0 }, back;

	hits_since(&h, &none);
	hits_write(&h, &b);
	EXPECT_INT(hits_parse(bh_span_of(b.ptr, b.len), &a, &back), 0);
	EXPECT(back.n == h.n && back.looked == 100 && back.v[1].is.packets == 1);
	EXPECT(back.v[0].is.until == 100 && !strcmp(back.v[1].chain, h.v[1].chain));
	for (size_t n = 0; n < b.len; n++)
		EXPECT_INT(hits_parse(bh_span_of(b.ptr, n), &a, &back), -EBADMSG);
	for (size_t i = 0; i < b.len; i++) {
		b.ptr[i] = (char)(b.ptr[i] ^ 0x41);
		(void)!hits_parse(bh_span_of(b.ptr, b.len), &a, &back);
		b.ptr[i] = (char)(b.ptr[i] ^ 0x41);
	}
}

static void test_names_that_are_none_of_ours_count_nothing(void)
{
	static const char *const names[] = { "g_in_s1", "g3_s1", "g3_up_s1", "g3_in_s0", "g3_in_sx",
		"s1", "g3_in_tcp99999_s1x", "input", "" };
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF b = { 0 };
	struct hits h;

	for (size_t i = 0; i < BH_LEN(names); i++)
		chain(&b, names[i], "x");
	EXPECT_INT(hits_read(bh_span_of(b.ptr, b.len), &a, &h), 0);
	EXPECT_INT(h.n, 0);
	for (size_t n = 0; n < b.len; n++)
		EXPECT_INT(hits_read(bh_span_of(b.ptr, n), &a, &h), 0);
}

int main(void)
{
	RUN(test_the_chains_that_count_are_read_with_their_sentences);
	RUN(test_when_it_was_met_lies_between_two_looks);
	RUN(test_what_is_kept_is_read_back_and_every_truncation_refused);
	RUN(test_names_that_are_none_of_ours_count_nothing);
	return tap_done();
}
