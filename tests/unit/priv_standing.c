/* What stands in the kernel, read from what we would load: a batch says the same things
 * as a dump, attribute by attribute. */
#include <arpa/inet.h>
#include <endian.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "priv/attr.h"
#include "priv/standing.h"
#include "tap.h"

static int gather(void *ctx, const void *messages, size_t len)
{
	bh_buf_add(ctx, messages, len);
	return 0;
}

static void load(struct bh_buf *b, uint32_t generation, uint32_t former, uint32_t lease)
{
	BH_AUTO_ARENA a = { 0 };
	struct bh_addr lo = bh_addr_v4(0x0a140000), hi = bh_addr_v4(0x0a14ffff);
	const struct bh_product p = { bh_addrset_range(&a, &lo, &hi), bh_addrset_full(&a) };
	const struct bh_gate_case c = { .admit = { &p, 1 } };
	const struct bh_gate g = {
		.hook = BH_IN, .service = { 445, BH_TCP }, .cases = &c, .n_cases = 1
	};
	struct bh_table t = {
		.gates = &g, .n_gates = 1, .policy_hash = { 0xab, generation & 0xff }
	};
	const struct bh_load l = { .table = &t,
		.mode = BH_ENFORCE,
		.generation = generation,
		.former = former,
		.former_hooks = former ? BH_HOOK_BIT(BH_IN) : 0,
		.lease = lease };
	uint32_t seq = 1;

	EXPECT_INT(bh_enforce_load(&l, &seq, &(struct bh_nl_sink){ b, gather }), 0);
}

static struct nlmsghdr *start(uint8_t room[1024], uint16_t type)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(room);

	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof *g);
	g->nfgen_family = NFPROTO_INET;
	mnl_attr_put_strz(h, 1, BH_NFT_TABLE);
	return h;
}

/* An element of the lease as a dump tells it; left 0: without a timeout at all. */
static void lease_element(struct bh_buf *b, uint8_t proto, uint64_t timeout, uint64_t left)
{
	_Alignas(struct nlmsghdr) uint8_t room[1024];
	struct nlmsghdr *h = start(room, NFT_MSG_NEWSETELEM);

	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, "lease");
	struct nlattr *list = mnl_attr_nest_start(h, NFTA_SET_ELEM_LIST_ELEMENTS);
	struct nlattr *e = mnl_attr_nest_start(h, NFTA_LIST_ELEM);
	struct nlattr *k = mnl_attr_nest_start(h, NFTA_SET_ELEM_KEY);
	mnl_attr_put(h, NFTA_DATA_VALUE, 1, &proto);
	mnl_attr_nest_end(h, k);
	if (timeout)
		mnl_attr_put_u64(h, NFTA_SET_ELEM_TIMEOUT, htobe64(timeout));
	if (left)
		mnl_attr_put_u64(h, NFTA_SET_ELEM_EXPIRATION, htobe64(left));
	mnl_attr_nest_end(h, e);
	mnl_attr_nest_end(h, list);
	bh_buf_add(b, h, h->nlmsg_len);
}

/* A rule that counts, as a dump tells it. */
static void counting_rule(
	struct bh_buf *b, const char *chain, uint64_t handle, uint64_t packets, const char *comment)
{
	_Alignas(struct nlmsghdr) uint8_t room[1024];
	struct nlmsghdr *h = start(room, NFT_MSG_NEWRULE);

	mnl_attr_put_strz(h, NFTA_RULE_CHAIN, chain);
	mnl_attr_put_u64(h, NFTA_RULE_HANDLE, htobe64(handle));
	struct nlattr *list = mnl_attr_nest_start(h, NFTA_RULE_EXPRESSIONS);
	struct nlattr *e = mnl_attr_nest_start(h, NFTA_LIST_ELEM);
	mnl_attr_put_strz(h, NFTA_EXPR_NAME, "counter");
	struct nlattr *d = mnl_attr_nest_start(h, NFTA_EXPR_DATA);
	mnl_attr_put_u64(h, NFTA_COUNTER_BYTES, htobe64(packets * 60));
	mnl_attr_put_u64(h, NFTA_COUNTER_PACKETS, htobe64(packets));
	mnl_attr_nest_end(h, d);
	mnl_attr_nest_end(h, e);
	mnl_attr_nest_end(h, list);
	if (comment)
		mnl_attr_put_strz(h, NFTA_RULE_USERDATA, comment);
	bh_buf_add(b, h, h->nlmsg_len);
}

/* The load's own lease elements tell no expiration, as no dump would: leave them out. */
static void without_lease(struct bh_buf *b)
{
	BH_AUTO_BUF out = { 0 };
	struct bh_cur left = bh_cur_of(bh_span_of(b->ptr, b->len));
	struct bh_nl_message m;

	while (bh_nl_message_next(&left, &m)) {
		bool lease = (m.type & 0xff) == NFT_MSG_NEWSETELEM &&
			     m.type >> 8 == NFNL_SUBSYS_NFTABLES &&
			     attr_is(attr_find(bh_nl_attrs(&m), NFTA_SET_ELEM_LIST_SET), "lease");
		if (!lease)
			bh_buf_add(&out, m.whole.ptr, m.whole.len);
	}
	bh_buf_reset(b);
	*b = out;
	out = (struct bh_buf){ 0 };
}

static struct standing read_it(const struct bh_buf *b, struct bh_arena *a)
{
	struct standing s = { 0 };

	EXPECT_INT(standing_read(bh_span_of(b->ptr, b->len), a, &s), 0);
	return s;
}

static void test_the_kernels_own_number_is_read(void)
{
	_Alignas(struct nlmsghdr) uint8_t room[256];
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF b = { 0 };
	struct nlmsghdr *h = mnl_nlmsg_put_header(room);

	h->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN;
	mnl_nlmsg_put_extra_header(h, sizeof(struct nfgenmsg));
	mnl_attr_put_u32(h, NFTA_GEN_ID, htobe32(4711));
	bh_buf_add(&b, h, h->nlmsg_len);
	load(&b, 7, 0, 0);
	struct standing s = read_it(&b, &a);
	EXPECT_INT(s.kernel_generation, 4711);
	EXPECT_INT(s.settled.number, 7);
}

static void test_what_was_loaded_for_good_is_settled(void)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF b = { 0 };

	load(&b, 7, 0, 0);
	struct standing s = read_it(&b, &a);
	EXPECT(s.table && !s.lease && !s.live);
	EXPECT_INT(s.settled.number, 7);
	EXPECT_INT(s.trial.number, 0);
	EXPECT_INT(s.settled.hooks, BH_HOOK_BIT(BH_IN));
	EXPECT(s.settled.told && s.settled.mode == BH_ENFORCE);
	EXPECT_INT(s.settled.hash[0], 0xab);
	EXPECT_INT(s.settled.hash[1], 7);
	EXPECT_INT(s.highest, 7);
}

static void test_a_trial_stands_beside_the_former(void)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF b = { 0 };

	load(&b, 8, 7, 60);
	without_lease(&b);
	lease_element(&b, NFPROTO_IPV4, 60000, 42000);
	lease_element(&b, NFPROTO_IPV6, 60000, 41000);
	struct standing s = read_it(&b, &a);
	EXPECT_INT(s.trial.number, 8);
	EXPECT_INT(s.settled.number, 7);
	EXPECT_INT(s.live, 2);
	EXPECT_INT(s.left_ms, 41000);
	EXPECT_INT(s.timeout_ms, 60000);
	EXPECT(!s.lease_odd);
}

static void test_a_lease_that_never_lapses_is_odd(void)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF forever = { 0 }, uneven = { 0 };

	load(&forever, 8, 7, 60);
	without_lease(&forever);
	lease_element(&forever, NFPROTO_IPV4, 0, 0);
	EXPECT(read_it(&forever, &a).lease_odd);
	load(&uneven, 8, 7, 60);
	without_lease(&uneven);
	lease_element(&uneven, NFPROTO_IPV4, 60000, 1000);
	lease_element(&uneven, NFPROTO_IPV6, 3600000, 3000000);
	EXPECT(read_it(&uneven, &a).lease_odd);
}

static void test_counters_are_read_of_what_decides_now(void)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF b = { 0 };

	load(&b, 8, 7, 60);
	without_lease(&b);
	counting_rule(&b, "g8_in_tcp445_no", 4, 12, NULL);
	counting_rule(&b, "g7_in_tcp445_no", 5, 99, NULL);
	counting_rule(&b, "g7_in_tcp99999_no", 5, 98, NULL);
	struct standing s = read_it(&b, &a);
	EXPECT_INT(s.n_counters, 1);
	EXPECT_INT(s.counters[0].packets, 99);
	EXPECT_INT(s.counters[0].service.port, 445);
	lease_element(&b, NFPROTO_IPV4, 60000, 42000);
	s = read_it(&b, &a);
	/* The load's own tail, and the one above. */
	EXPECT(s.n_counters == 2 && s.counters[0].packets + s.counters[1].packets == 12);
}

static bool same_digest(const struct bh_buf *x, const struct bh_buf *y)
{
	BH_AUTO_ARENA a = { 0 };
	struct standing one = read_it(x, &a), two = read_it(y, &a);

	return !memcmp(one.digest, two.digest, sizeof one.digest);
}

static void test_what_changes_by_itself_is_not_in_the_digest(void)
{
	BH_AUTO_BUF x = { 0 }, y = { 0 };

	load(&x, 8, 7, 60);
	load(&y, 8, 7, 60);
	without_lease(&y);
	counting_rule(&x, "g8_in_tcp445_no", 4, 12, NULL);
	counting_rule(&y, "g8_in_tcp445_no", 5, 1200, NULL);
	lease_element(&x, NFPROTO_IPV4, 60000, 42000);
	EXPECT(same_digest(&x, &y));
}

static void test_every_edit_changes_the_digest(void)
{
	BH_AUTO_BUF x = { 0 }, comment = { 0 }, twice = { 0 }, elsewhere = { 0 };

	load(&x, 8, 7, 60);
	load(&comment, 8, 7, 60);
	load(&twice, 8, 7, 60);
	load(&elsewhere, 8, 7, 60);
	counting_rule(&x, "g8_in_tcp445_no", 4, 12, NULL);
	counting_rule(&comment, "g8_in_tcp445_no", 4, 12, "hello");
	counting_rule(&twice, "g8_in_tcp445_no", 4, 12, NULL);
	counting_rule(&twice, "g8_in_tcp445_no", 5, 12, NULL);
	counting_rule(&elsewhere, "g8_in_tcp445", 4, 12, NULL);
	EXPECT(!same_digest(&x, &comment));
	EXPECT(!same_digest(&x, &twice));
	EXPECT(!same_digest(&x, &elsewhere));
}

/* Any byte of any message of ours but the header's sequence number, which no dump keeps. */
static void test_no_changed_byte_of_an_element_goes_unseen(void)
{
	BH_AUTO_BUF x = { 0 }, y = { 0 };
	struct bh_nl_message m;

	load(&x, 8, 0, 0);
	load(&y, 8, 0, 0);
	struct bh_cur left = bh_cur_of(bh_span_of(y.ptr, y.len));
	size_t seen = 0;
	while (bh_nl_message_next(&left, &m)) {
		if (m.type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM))
			continue;
		struct bh_cur list =
			bh_cur_of(attr_find(bh_nl_attrs(&m), NFTA_SET_ELEM_LIST_ELEMENTS));
		struct bh_nl_attr e;
		while (bh_nl_attr_next(&list, &e)) {
			struct bh_span v =
				attr_find(attr_find(e.is, NFTA_SET_ELEM_KEY), NFTA_DATA_VALUE);
			for (size_t i = 0; i < v.len; i++) {
				char *p = y.ptr + ((const char *)v.ptr - y.ptr) + i;
				*p = (char)(*p ^ 1);
				EXPECT(!same_digest(&x, &y));
				*p = (char)(*p ^ 1);
				seen++;
			}
		}
	}
	EXPECT(seen >= 16);
	EXPECT(same_digest(&x, &y));
}

static void test_every_truncation_is_survived(void)
{
	BH_AUTO_BUF b = { 0 };

	load(&b, 8, 7, 60);
	for (size_t n = 0; n < b.len; n++) {
		BH_AUTO_ARENA a = { 0 };
		struct standing s;
		EXPECT_INT(standing_read(bh_span_of(b.ptr, n), &a, &s), 0);
	}
}

static void test_other_tables_are_not_ours(void)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF b = { 0 };
	_Alignas(struct nlmsghdr) uint8_t room[1024];
	struct nlmsghdr *h = start(room, NFT_MSG_NEWTABLE);

	((struct nfgenmsg *)mnl_nlmsg_get_payload(h))->nfgen_family = NFPROTO_IPV4;
	bh_buf_add(&b, h, h->nlmsg_len);
	EXPECT(!read_it(&b, &a).table);
}

int main(void)
{
	RUN(test_the_kernels_own_number_is_read);
	RUN(test_what_was_loaded_for_good_is_settled);
	RUN(test_a_trial_stands_beside_the_former);
	RUN(test_a_lease_that_never_lapses_is_odd);
	RUN(test_counters_are_read_of_what_decides_now);
	RUN(test_what_changes_by_itself_is_not_in_the_digest);
	RUN(test_every_edit_changes_the_digest);
	RUN(test_no_changed_byte_of_an_element_goes_unseen);
	RUN(test_every_truncation_is_survived);
	RUN(test_other_tables_are_not_ours);
	return tap_done();
}
