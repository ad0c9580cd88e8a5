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
	struct bh_count *k = bh_arena_array(a, 3, sizeof *k);
	static const struct bh_table_sentence said[] = { { "p:7: allow smb from x to y", false },
		{ "p:9: default block smb", true } };
	k[0] = (struct bh_count){ .sentence = 0, .src = p[0].src, .dst = p[0].dst };
	k[1] = (struct bh_count){ .sentence = 1, .src = p[0].dst, .dst = p[0].dst };
	k[2] = (struct bh_count){ .sentence = 0, .src = p[1].src, .dst = p[0].dst };
	c[0].allowed = (struct bh_counts){ k, 1 };
	c[0].blocked = (struct bh_counts){ k + 1, 1 };
	c[2].allowed_same_port = (struct bh_counts){ k + 1, 2 };
	struct bh_table t = {
		.gates = g, .n_gates = 3, .declared = p[0].src, .sentences = said, .n_sentences = 2
	};
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

/* The first number of that size and value behind at, replaced; -ENOENT: it is not there. */
static int decode_with(size_t at, uint32_t was, uint32_t is, size_t bytes)
{
	struct bh_arena a = { 0 };
	BH_AUTO_BUF b = { 0 };
	struct bh_table t = sample(&a), back;
	int r = -ENOENT;

	bh_table_encode(&t, &b);
	if (!memcmp(b.ptr + at, &was, bytes)) {
		memcpy(b.ptr + at, &is, bytes);
		r = bh_table_decode(bh_span_of(b.ptr, b.len), &a, &back);
	}
	bh_arena_reset(&a);
	return r;
}

/* magic, gateway, hash, then sentences: their number, and each with a flag, a length. */
#define SENTENCES 37
#define DECLARED  (SENTENCES + 2 + 2 + 26 + 2 + 22)
#define GATES     (DECLARED + 8 + 8 + 4)
#define PRODUCTS  (GATES + 2 + 6 + BH_IFNAME)

static void test_each_count_that_lies_is_refused(void)
{
	EXPECT_INT(decode_with(SENTENCES, 2, 0xffff, 2), -E2BIG);
	EXPECT_INT(decode_with(SENTENCES, 2, 3, 2), -EBADMSG);
	EXPECT_INT(decode_with(SENTENCES + 3, 26, 27, 1), -EBADMSG);
	EXPECT_INT(decode_with(SENTENCES + 3, 26, 255, 1), -EBADMSG);
	EXPECT_INT(decode_with(DECLARED, 1, 2, 4), -EBADMSG); /* a set that nobody wrote */
	EXPECT_INT(decode_with(DECLARED, 1, 0xffffffff, 4), -EBADMSG);
	EXPECT_INT(decode_with(DECLARED + 4, 1, 0xffffffff, 4), -E2BIG); /* its ranges */
	EXPECT_INT(decode_with(DECLARED + 4, 1, 65536, 4), -EBADMSG);
	EXPECT_INT(decode_with(DECLARED + 4, 1, 0, 4), -EBADMSG);
	EXPECT_INT(decode_with(GATES, 3, 0xffff, 2), -E2BIG);
	EXPECT_INT(decode_with(GATES + 6, 2, 0xffff, 2), -E2BIG); /* the first one's cases */
	EXPECT_INT(decode_with(PRODUCTS, 2, 0xffffffff, 4), -E2BIG);
	EXPECT_INT(decode_with(PRODUCTS, 2, 65536, 4), -EBADMSG);
}

static void test_a_set_is_written_once_and_read_as_one(void)
{
	struct bh_arena a = { 0 };
	BH_AUTO_BUF b = { 0 }, twice = { 0 };
	struct bh_table t = sample(&a), back;
	struct bh_range *v = bh_arena_array(&a, 1000, sizeof *v);
	struct bh_product p = { .dst = bh_addrset_full(&a) };
	struct bh_gate_case c[2] = { { .admit = { &p, 1 } }, { .admit = { &p, 1 } } };
	struct bh_gate g[2] = { { BH_IN, { 139, BH_TCP }, c, 1 },
		{ BH_IN, { 445, BH_TCP }, c + 1, 1 } };

	for (uint32_t i = 0; i < 1000; i++)
		v[i] = (struct bh_range){ i * 16, i * 16 + 3 };
	p.src.v4 = bh_ranges_from(&a, v, 1000);
	t.gates = g;
	t.n_gates = 1;
	bh_table_encode(&t, &b);
	t.n_gates = 2;
	bh_table_encode(&t, &twice);
	EXPECT(twice.len < b.len + 100);
	EXPECT_INT(bh_table_decode(bh_span_of(twice.ptr, twice.len), &a, &back), 0);
	EXPECT(back.gates[0].cases[0].admit.v[0].src.v4.v ==
		back.gates[1].cases[0].admit.v[0].src.v4.v);
	bh_arena_reset(&a);
}

static void test_a_sentence_is_made_to_fit(void)
{
	char fit[BH_MAX_SENTENCE_TEXT + 1], longest[400];

	bh_table_sentence_text("a \"b\" \\ \t \xc3\xa4", fit);
	EXPECT_STR(fit, "a 'b' ? ? ??");
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	bh_table_sentence_text(longest, fit);
	EXPECT(strlen(fit) == BH_MAX_SENTENCE_TEXT &&
		!strcmp(fit + BH_MAX_SENTENCE_TEXT - 4, "x..."));
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
	RUN(test_a_set_is_written_once_and_read_as_one);
	RUN(test_a_sentence_is_made_to_fit);
	RUN(test_overlapping_sources_are_refused);
	return tap_done();
}
