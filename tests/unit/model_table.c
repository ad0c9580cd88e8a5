#include "model/table.h"
#include "tap.h"

/* A table with every shape in it: both families, several cases, same-port products. */
static struct bh_table sample(struct bh_arena *a)
{
	struct bh_addr x = bh_addr_v4(0x0a000000), y = bh_addr_v4(0x0a00ffff),
		       z = bh_addr_v4(0xc0000201);
	uint8_t six[16] = { 0xfd };
	struct bh_addr v6 = bh_addr_v6(six);
	struct bh_product *p = bh_arena_array(a, 2, sizeof *p);
	struct bh_gate_case *c = bh_arena_array(a, 4, sizeof *c);
	struct bh_gate *g = bh_arena_array(a, 3, sizeof *g);

	p[0].src = bh_addrset_range(a, &x, &y);
	p[0].dst = bh_addrset_full(a);
	p[1].src = bh_addrset_union(a, bh_addrset_one(a, &z), bh_addrset_one(a, &v6));
	p[1].dst = bh_addrset_one(a, &v6);
	strcpy(c[0].ifname, "eth0");
	c[0].admit = (struct bh_products){ p, 2 };
	c[1].admit = (struct bh_products){ p, 1 };
	c[2].admit_same_port = (struct bh_products){ p, 2 };
	g[0] = (struct bh_gate){
		.hook = BH_IN, .service = { 445, BH_TCP }, .cases = c, .n_cases = 2
	};
	g[1] = (struct bh_gate){
		.hook = BH_OUT, .service = { 137, BH_UDP }, .cases = c + 2, .n_cases = 1
	};
	g[2] = (struct bh_gate){
		.hook = BH_FWD, .service = { 445, BH_TCP }, .cases = c + 3, .n_cases = 1
	};
	struct bh_table t = { .gates = g, .n_gates = 3, .declared = p[0].src };
	for (unsigned i = 0; i < BH_HASH; i++)
		t.policy_hash[i] = (uint8_t)i;
	return t;
}

static void test_encoding_and_decoding_give_the_same_bytes(void)
{
	struct bh_arena a = { 0 };
	BH_AUTO_BUF one = { 0 }, two = { 0 };
	struct bh_table t = sample(&a), back;

	bh_table_encode(&t, &one);
	EXPECT(!bh_table_decode(bh_span_of(one.ptr, one.len), &a, &back));
	bh_table_encode(&back, &two);
	EXPECT(one.len == two.len && !memcmp(one.ptr, two.ptr, one.len));
	EXPECT_INT(back.gates[0].n_cases, 2);
	EXPECT_STR(back.gates[0].cases[0].ifname, "eth0");
	bh_arena_reset(&a);
}

static void test_every_truncation_and_every_tail_is_refused(void)
{
	struct bh_arena a = { 0 };
	BH_AUTO_BUF b = { 0 };
	struct bh_table t = sample(&a), back;

	bh_table_encode(&t, &b);
	for (size_t n = 0; n < b.len; n++) {
		struct bh_arena scratch = { 0 };
		EXPECT(bh_table_decode(bh_span_of(b.ptr, n), &scratch, &back) == -EBADMSG);
		bh_arena_reset(&scratch);
	}
	bh_buf_u8(&b, 0);
	EXPECT(bh_table_decode(bh_span_of(b.ptr, b.len), &a, &back) == -EBADMSG);
	bh_arena_reset(&a);
}

static void test_no_changed_byte_gives_a_table_that_encodes_differently(void)
{
	/* Whatever a flipped byte makes of it, what is accepted is canonical: encoding it
	 * again gives exactly the bytes that were read. */
	struct bh_arena a = { 0 };
	BH_AUTO_BUF b = { 0 };
	struct bh_table t = sample(&a), back;
	unsigned refused = 0;

	bh_table_encode(&t, &b);
	for (size_t i = 0; i < b.len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			struct bh_arena scratch = { 0 };
			BH_AUTO_BUF again = { 0 };
			b.ptr[i] = (char)(b.ptr[i] ^ (char)(1u << bit));
			int r = bh_table_decode(bh_span_of(b.ptr, b.len), &scratch, &back);
			if (!r) {
				bh_table_encode(&back, &again);
				EXPECT(again.len == b.len && !memcmp(again.ptr, b.ptr, b.len));
			}
			refused += r != 0;
			b.ptr[i] = (char)(b.ptr[i] ^ (char)(1u << bit));
			bh_arena_reset(&scratch);
		}
	}
	EXPECT(refused > b.len);
	bh_arena_reset(&a);
}

static int decode_with(size_t at, const void *bytes, size_t len)
{
	struct bh_arena a = { 0 };
	BH_AUTO_BUF b = { 0 };
	struct bh_table t = sample(&a), back;

	bh_table_encode(&t, &b);
	memcpy(b.ptr + at, bytes, len);
	int r = bh_table_decode(bh_span_of(b.ptr, b.len), &a, &back);
	bh_arena_reset(&a);
	return r;
}

static void test_each_count_that_lies_is_refused(void)
{
	const uint8_t huge[] = { 0xff, 0xff, 0xff, 0xff }, large[] = { 0, 0, 1, 0 };

	EXPECT(decode_with(37, huge, 4) == -E2BIG); /* declared.v4 */
	EXPECT(decode_with(37, large, 4) == -EBADMSG);
	/* declared is 4 + 8 + 4 bytes, so gates begin at 53 */
	EXPECT(decode_with(53, huge, 2) == -E2BIG);
	EXPECT(decode_with(59, huge, 2) == -E2BIG); /* cases of the first gate */
	EXPECT(decode_with(77, huge, 4) == -E2BIG); /* its products */
	EXPECT(decode_with(81, huge, 4) == -E2BIG); /* ranges of the first source */
}

static void test_overlapping_sources_are_refused(void)
{
	struct bh_arena a = { 0 };
	BH_AUTO_BUF b = { 0 };
	struct bh_table t = sample(&a), back;
	struct bh_addr x = bh_addr_v4(0x0a000001);
	struct bh_product p[2] = { t.gates[0].cases[0].admit.v[0], t.gates[0].cases[0].admit.v[0] };
	struct bh_gate_case c = { .admit = { p, 2 } };
	struct bh_gate g = { .hook = BH_IN, .service = { 445, BH_TCP }, .cases = &c, .n_cases = 1 };

	p[1].src = bh_addrset_one(&a, &x);
	t.gates = &g;
	t.n_gates = 1;
	bh_table_encode(&t, &b);
	EXPECT(bh_table_decode(bh_span_of(b.ptr, b.len), &a, &back) == -EBADMSG);
	bh_arena_reset(&a);
}

int main(void)
{
	RUN(test_encoding_and_decoding_give_the_same_bytes);
	RUN(test_every_truncation_and_every_tail_is_refused);
	RUN(test_no_changed_byte_gives_a_table_that_encodes_differently);
	RUN(test_each_count_that_lies_is_refused);
	RUN(test_overlapping_sources_are_refused);
	return tap_done();
}
