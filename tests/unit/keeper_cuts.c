#include "keeper/keeper.h"
#include "tap.h"

/* Admits 10.9.0.2 and fd00::2 in, 10.9.0.3 out, on tcp/445; tcp/5445 admits nobody. */
static void sample(struct bh_arena *a, struct bh_ready *r)
{
	static const uint8_t six[16] = { 0xfd, [15] = 2 };
	struct bh_addr in4 = bh_addr_v4(0x0a090002), in6 = bh_addr_v6(six),
		       out4 = bh_addr_v4(0x0a090003);
	struct bh_product *p = bh_arena_array(a, 2, sizeof *p);
	struct bh_gate_case *c = bh_arena_array(a, 3, sizeof *c);
	struct bh_gate *g = bh_arena_array(a, 3, sizeof *g);

	p[0].src = bh_addrset_union(a, bh_addrset_one(a, &in4), bh_addrset_one(a, &in6));
	p[0].dst = bh_addrset_full(a);
	p[1].src = bh_addrset_full(a);
	p[1].dst = bh_addrset_one(a, &out4);
	c[0].admit = (struct bh_products){ &p[0], 1 };
	c[1].admit = (struct bh_products){ &p[1], 1 };
	g[0] = (struct bh_gate){ BH_IN, { 445, BH_TCP }, &c[0], 1 };
	g[1] = (struct bh_gate){ BH_IN, { 5445, BH_TCP }, &c[2], 1 };
	g[2] = (struct bh_gate){ BH_OUT, { 445, BH_TCP }, &c[1], 1 };
	*r = (struct bh_ready){ .table = { .gates = g, .n_gates = 3 } };
}

#define HEAD "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n"
#define REST " 00000000:00000000 00:00000000 00000000     0        0 1 1 0 20\n"

static size_t cuts(const char *text, const struct bh_cut **ret)
{
	static struct bh_arena a; /* lives as long as the test */
	struct bh_ready r;
	size_t n = 0;

	sample(&a, &r);
	*ret = NULL;
	EXPECT_INT(bh_keeper_cuts_read(text, &r, &a, ret, &n), 0);
	return n;
}

static void test_a_session_that_would_be_blocked_is_named(void)
{
	const struct bh_cut *v;
	char text[BH_ADDR_TEXT];

	/* 10.9.0.1:445 from 10.9.0.77:50000, twice; to 10.9.0.78:445 once. */
	EXPECT_INT(cuts(HEAD "   0: 0100090A:01BD 4D00090A:C350 01" REST
			     "   1: 0100090A:01BD 4D00090A:C351 01" REST
			     "   2: 0100090A:C352 4E00090A:01BD 01" REST,
			   &v),
		2);
	EXPECT(!v[0].out && v[0].sessions == 2 && v[0].service.port == 445);
	EXPECT_STR(bh_addr_format(&v[0].peer, text), "10.9.0.77");
	EXPECT(v[1].out && v[1].sessions == 1);
	EXPECT_STR(bh_addr_format(&v[1].peer, text), "10.9.0.78");
}

static void test_what_stays_is_not_named(void)
{
	const struct bh_cut *v;

	EXPECT_INT(cuts(HEAD "   0: 0100090A:01BD 0200090A:C350 01" REST /* admitted in */
			     "   1: 0100090A:C350 0300090A:01BD 01" REST /* admitted out */
			     "   2: 0100090A:01BD 00000000:0000 0A" REST /* listens */
			     "   3: 0100090A:1545 4D00090A:C350 01" REST /* from 1024 up */
			     "   4: 0100090A:0016 4D00090A:C350 01" REST /* ssh */
			     "   5: 0100007F:01BD 0100007F:C350 01" REST, /* loopback */
			   &v),
		0);
}

static void test_addresses_of_six_and_mapped_ones_are_read(void)
{
	const struct bh_cut *v;
	char text[BH_ADDR_TEXT];

	EXPECT_INT(cuts("   0: 000000FD000000000000000001000000:01BD "
			"000000FD000000000000000003000000:C350 01" REST
			"   1: 0000000000000000FFFF00000100090A:01BD "
			"0000000000000000FFFF00004D00090A:C350 01" REST
			"   2: 000000FD000000000000000001000000:01BD "
			"000000FD000000000000000002000000:C350 01" REST,
			   &v),
		2);
	EXPECT_STR(bh_addr_format(&v[0].peer, text), "fd00::3");
	EXPECT_STR(bh_addr_format(&v[1].peer, text), "10.9.0.77");
}

static void test_nonsense_names_nobody(void)
{
	const struct bh_cut *v;

	EXPECT_INT(cuts("", &v), 0);
	EXPECT_INT(cuts("\n\n   0: xyz:01BD 4D00090A:C350 01\n", &v), 0);
	EXPECT_INT(cuts("   0: 0100090A:01BD 4D00090A 01\n   1: 0100090A:01BD", &v), 0);
	EXPECT_INT(cuts("   0: 0100090A01:01BD 4D00090A:C350 01\n", &v), 0);
}

int main(void)
{
	RUN(test_a_session_that_would_be_blocked_is_named);
	RUN(test_what_stays_is_not_named);
	RUN(test_addresses_of_six_and_mapped_ones_are_read);
	RUN(test_nonsense_names_nobody);
	return tap_done();
}
