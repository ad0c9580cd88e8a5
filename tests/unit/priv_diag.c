#include "priv/diag.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>

#include "tap.h"

static void answer(struct bh_buf *b, uint8_t family, uint8_t state, const char *here, uint16_t port,
	const char *peer, uint16_t peer_port)
{
	struct inet_diag_msg m = { .idiag_family = family, .idiag_state = state };
	const struct nlmsghdr h = { .nlmsg_len = sizeof h + sizeof m,
		.nlmsg_type = SOCK_DIAG_BY_FAMILY };

	m.id.idiag_sport = htons(port);
	m.id.idiag_dport = htons(peer_port);
	EXPECT(inet_pton(family, here, m.id.idiag_src) == 1);
	EXPECT(inet_pton(family, peer, m.id.idiag_dst) == 1);
	bh_buf_add(b, &h, sizeof h);
	bh_buf_add(b, &m, sizeof m);
}

/* Admits 10.9.0.2 to tcp/445 and nobody to tcp/5445; out, 10.9.0.3 alone. */
static struct bh_table table(struct bh_arena *a)
{
	struct bh_addr in = bh_addr_v4(0x0a090002), out = bh_addr_v4(0x0a090003);
	struct bh_product *p = bh_arena_array(a, 2, sizeof *p);
	struct bh_gate_case *c = bh_arena_array(a, 3, sizeof *c);
	struct bh_gate *g = bh_arena_array(a, 3, sizeof *g);

	p[0] = (struct bh_product){ bh_addrset_one(a, &in), bh_addrset_full(a) };
	p[1] = (struct bh_product){ bh_addrset_full(a), bh_addrset_one(a, &out) };
	c[0].admit = (struct bh_products){ &p[0], 1 };
	c[2].admit = (struct bh_products){ &p[1], 1 };
	g[0] = (struct bh_gate){ BH_IN, { 445, 6 }, &c[0], 1 };
	g[1] = (struct bh_gate){ BH_IN, { 5445, 6 }, &c[1], 1 };
	g[2] = (struct bh_gate){ BH_OUT, { 445, 6 }, &c[2], 1 };
	return (struct bh_table){ .gates = g, .n_gates = 3 };
}

static void sample(struct bh_buf *b)
{
	answer(b, AF_INET, 1, "10.9.0.1", 445, "10.9.0.77", 50000); /* blocked */
	answer(b, AF_INET, 1, "10.9.0.1", 445, "10.9.0.2", 50000);
	answer(b, AF_INET, 1, "10.9.0.1", 50001, "10.9.0.3", 445);
	answer(b, AF_INET, 1, "10.9.0.1", 50001, "10.9.0.4", 445); /* blocked */
	answer(b, AF_INET6, 1, "::ffff:10.9.0.1", 445, "::ffff:10.9.0.78", 50000); /* blocked */
	answer(b, AF_INET6, 1, "fd00::1", 445, "fd00::2", 50000); /* blocked */
	answer(b, AF_INET, 1, "10.9.0.1", 5445, "10.9.0.5", 443); /* a client's own port */
	answer(b, AF_INET, 1, "127.0.0.1", 445, "127.0.0.1", 50000);
	answer(b, AF_INET, 1, "10.9.0.1", 22, "10.9.0.77", 50000);
}

static unsigned blocked(struct bh_span answers, struct bh_arena *a)
{
	struct bh_table t = table(a);
	struct connections all;
	unsigned n = 0;

	EXPECT_INT(diag_read(answers, a, &all), 0);
	for (size_t i = 0; i < all.n; i++)
		n += diag_blocked(&t, &all, &all.v[i]) != NULL;
	return n;
}

static void test_what_no_interface_admits_is_blocked_and_nothing_else(void)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF b = { 0 };

	sample(&b);
	EXPECT_INT(blocked(bh_span_of(b.ptr, b.len), &a), 4);
	answer(&b, AF_INET6, 10, "::", 5445, "::", 0); /* somebody listens there */
	EXPECT_INT(blocked(bh_span_of(b.ptr, b.len), &a), 5);
}

static void test_every_truncation_and_lie_does_no_harm(void)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF b = { 0 };

	sample(&b);
	for (size_t n = 0; n < b.len; n++)
		EXPECT(blocked(bh_span_of(b.ptr, n), &a) <= 4);
	for (size_t i = 0; i < b.len; i++) {
		b.ptr[i] = (char)(b.ptr[i] ^ 0xff);
		(void)blocked(bh_span_of(b.ptr, b.len), &a);
		b.ptr[i] = (char)(b.ptr[i] ^ 0xff);
	}
}

int main(void)
{
	RUN(test_what_no_interface_admits_is_blocked_and_nothing_else);
	RUN(test_every_truncation_and_lie_does_no_harm);
	return tap_done();
}
