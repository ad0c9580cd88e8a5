#include "priv/wire.h"
#include "tap.h"

static struct bh_table table_of(struct bh_arena *a)
{
	struct bh_addr x = bh_addr_v4(0x0a140000), y = bh_addr_v4(0x0a14ffff);
	struct bh_product *p = bh_arena_array(a, 1, sizeof *p);
	struct bh_gate_case *c = bh_arena_array(a, 1, sizeof *c);
	struct bh_gate *g = bh_arena_array(a, 1, sizeof *g);

	p->src = bh_addrset_range(a, &x, &y);
	p->dst = bh_addrset_full(a);
	c->admit = (struct bh_products){ p, 1 };
	*g = (struct bh_gate){
		.hook = BH_IN, .service = { 445, BH_TCP }, .cases = c, .n_cases = 1
	};
	return (struct bh_table){ .gates = g, .n_gates = 1 };
}

/* A whole apply request, header and all. */
static void apply_request(struct bh_arena *a, struct bh_buf *b)
{
	struct bh_table t = table_of(a);
	const struct bh_priv_apply q = { .table = &t,
		.mode = BH_ENFORCE,
		.lease = 120,
		.policy_text = "default block all-smb\n" };

	bh_wire_apply(b, &q);
}

static int read_whole(const struct bh_buf *b, struct bh_arena *a, struct bh_request *ret)
{
	struct bh_span all = bh_span_of(b->ptr, b->len);
	enum bh_ask ask;
	uint32_t len;
	int err = bh_wire_header(
		bh_span_of(all.ptr, bh_min_size(all.len, BH_ASK_HEADER)), &ask, &len);

	if (err)
		return err;
	if (len != all.len - BH_ASK_HEADER)
		return -EPROTO;
	return bh_wire_body(ask, bh_span_of(all.ptr + BH_ASK_HEADER, len), a, ret);
}

static void put_le32(struct bh_buf *b, size_t at, uint32_t v)
{
	for (size_t i = 0; i < 4; i++)
		b->ptr[at + i] = (char)(v >> (8 * i));
}

/* Offsets in an apply request's body. */
enum { MODE = 12, LEASE = 16, TABLE_LEN = 20, TEXT_LEN = 24, TABLE = 28 };

static void test_a_request_arrives_as_it_was_sent(void)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF b = { 0 };
	struct bh_request r;

	apply_request(&a, &b);
	EXPECT_INT(read_whole(&b, &a, &r), 0);
	EXPECT_INT(r.ask, BH_ASK_APPLY);
	EXPECT_INT(r.mode, BH_ENFORCE);
	EXPECT_INT(r.lease, 120);
	EXPECT_INT(r.table.gates[0].service.port, 445);
	EXPECT(r.text.len == 22 && !memcmp(r.text.ptr, "default block all-smb\n", 22));
}

static void test_every_truncation_is_refused(void)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF b = { 0 };
	struct bh_request r;
	enum bh_ask ask;
	uint32_t len;

	apply_request(&a, &b);
	for (size_t n = 0; n < BH_ASK_HEADER; n++)
		EXPECT_INT(bh_wire_header(bh_span_of(b.ptr, n), &ask, &len), -EBADMSG);
	for (size_t n = 0; n < b.len - BH_ASK_HEADER; n++)
		EXPECT_INT(bh_wire_body(BH_ASK_APPLY, bh_span_of(b.ptr + BH_ASK_HEADER, n), &a, &r),
			-EBADMSG);
}

static void test_a_tail_is_refused(void)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF b = { 0 };
	struct bh_request r;

	apply_request(&a, &b);
	bh_buf_u8(&b, 0);
	EXPECT_INT(bh_wire_body(BH_ASK_APPLY,
			   bh_span_of(b.ptr + BH_ASK_HEADER, b.len - BH_ASK_HEADER), &a, &r),
		-EBADMSG);
	for (unsigned ask = BH_ASK_STATE; ask < BH_ASK_CAPTURE; ask++)
		EXPECT_INT(bh_wire_body((enum bh_ask)ask, bh_span_of("x", 1), &a, &r), -EBADMSG);
}

static void test_a_lie_in_any_field_is_refused(void)
{
	static const struct {
		size_t at;
		int64_t by; /* added to what stands there */
	} lies[] = { { 0, 1 }, { 4, 100 }, { 4, -8 }, { 8, 1 }, { 8, -1 }, { 8, INT32_MAX },
		{ MODE, 2 }, { MODE, 255 }, { LEASE, BH_MAX_LEASE }, { LEASE, UINT32_MAX - 200 },
		{ TABLE_LEN, 1 }, { TABLE_LEN, -1 }, { TABLE_LEN, INT32_MAX }, { TEXT_LEN, 1 },
		{ TEXT_LEN, -1 }, { TEXT_LEN, INT32_MAX }, { TABLE, 1 } };

	for (size_t i = 0; i < BH_LEN(lies); i++) {
		BH_AUTO_ARENA a = { 0 };
		BH_AUTO_BUF b = { 0 };
		struct bh_request r;
		apply_request(&a, &b);
		struct bh_cur c = bh_cur_of(bh_span_of(b.ptr, b.len));
		bh_cur_skip(&c, lies[i].at);
		put_le32(&b, lies[i].at, (uint32_t)((int64_t)bh_cur_le32(&c) + lies[i].by));
		EXPECT(read_whole(&b, &a, &r) < 0);
	}
}

static void test_text_with_a_hidden_rest_is_refused(void)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF b = { 0 };
	struct bh_request r;

	apply_request(&a, &b);
	b.ptr[b.len - 3] = '\0';
	EXPECT_INT(read_whole(&b, &a, &r), -EBADMSG);
}

static int read_capture(const char name[BH_IFNAME], uint32_t mib)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF b = { 0 };
	struct bh_request r;

	bh_buf_add(&b, name, BH_IFNAME);
	bh_buf_le32(&b, mib);
	for (size_t n = 0; n < b.len; n++)
		EXPECT_INT(bh_wire_body(BH_ASK_CAPTURE, bh_span_of(b.ptr, n), &a, &r), -EBADMSG);
	int err = bh_wire_body(BH_ASK_CAPTURE, bh_span_of(b.ptr, b.len), &a, &r);
	EXPECT(err || (!strcmp(r.ifname, name) && r.mib == mib));
	return err;
}

static int read_name(const char name[BH_IFNAME])
{
	return read_capture(name, 1);
}

static void test_a_ring_is_neither_empty_nor_boundless(void)
{
	const char name[BH_IFNAME] = { "eth0" };

	EXPECT_INT(read_capture(name, 0), -EBADMSG);
	EXPECT_INT(read_capture(name, 1), 0);
	EXPECT_INT(read_capture(name, BH_MAX_RING), 0);
	EXPECT_INT(read_capture(name, BH_MAX_RING + 1), -EBADMSG);
	EXPECT_INT(read_capture(name, UINT32_MAX), -EBADMSG);
}

static void test_only_names_of_interfaces_are_names(void)
{
	EXPECT_INT(read_name((const char[BH_IFNAME]){ "eth0" }), 0);
	EXPECT_INT(read_name((const char[BH_IFNAME]){ "fifteen-letters" }), 0);
	EXPECT_INT(read_name((const char[BH_IFNAME]){ "" }), -EBADMSG);
	EXPECT_INT(read_name((const char[BH_IFNAME]){ "eth 0" }), -EBADMSG);
	EXPECT_INT(read_name((const char[BH_IFNAME]){ "../x" }), -EBADMSG);
	EXPECT_INT(read_name((const char[BH_IFNAME]){ "eth0:1" }), -EBADMSG);
	EXPECT_INT(read_name((const char[BH_IFNAME]){ "eth0\0x" }), -EBADMSG);
	char full[BH_IFNAME];
	memset(full, 'x', sizeof full);
	EXPECT_INT(read_name(full), -EBADMSG);
}

static void test_a_length_is_refused_before_anything_is_allocated(void)
{
	BH_AUTO_BUF b = { 0 };
	enum bh_ask ask;
	uint32_t len;

	for (uint32_t kind = BH_ASK_STATE; kind <= BH_ASK_LAST; kind++) {
		b.len = 0;
		bh_buf_le32(&b, BH_WIRE_ASK);
		bh_buf_le32(&b, kind);
		bh_buf_le32(&b, kind == BH_ASK_APPLY     ? BH_MAX_ASK + 1
				: kind == BH_ASK_CAPTURE ? BH_CAPTURE_BODY + 1
							 : 1);
		EXPECT_INT(bh_wire_header(bh_span_of(b.ptr, b.len), &ask, &len), -EBADMSG);
	}
}

static void test_a_state_arrives_as_it_was_told(void)
{
	BH_AUTO_BUF b = { 0 };
	struct bh_priv_state s = { .loaded = true,
		.stored = true,
		.kernel_generation = 4711,
		.generation = 7,
		.trial = 8,
		.lapsed = 6,
		.lease_left = 55,
		.trial_mode = BH_ENFORCE,
		.hash = { 1, 2, 3 },
		.trial_hash = { 4 },
		.changed_outside = true,
		.changed = "somebody did",
		.n_counters = 1,
		.counters = { { BH_OUT, { 445, BH_TCP }, 12, 720 } } };
	struct bh_priv_state back = { 0 };

	bh_wire_put_state(&b, &s);
	EXPECT_INT(bh_wire_get_state(bh_span_of(b.ptr, b.len), &back), 0);
	EXPECT(back.loaded && back.stored && !back.persistent && back.changed_outside);
	EXPECT_INT(back.generation, 7);
	EXPECT_INT(back.kernel_generation, 4711);
	EXPECT_INT(back.trial, 8);
	EXPECT_INT(back.lapsed, 6);
	EXPECT_INT(back.trial_mode, BH_ENFORCE);
	EXPECT_STR(back.changed, "somebody did");
	EXPECT_INT(back.counters[0].packets, 12);
	for (size_t n = 0; n < b.len; n++)
		EXPECT_INT(bh_wire_get_state(bh_span_of(b.ptr, n), &back), -EBADMSG);
}

static void test_hits_arrive_as_they_were_told(void)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF b = { 0 };
	const struct bh_priv_hit h = { .text = "p:7: allow smb from a to b",
		.generation = 3,
		.sentence = 1,
		.hook = BH_OUT,
		.packets = 12,
		.bytes = 720,
		.after = 100,
		.until = 200 };
	struct bh_priv_hit *v;
	size_t n = 0;

	bh_wire_put_hit(&b, &h);
	bh_wire_put_hit(&b, &h);
	EXPECT_INT(bh_wire_get_hits(bh_span_of(b.ptr, b.len), &a, &v, &n), 0);
	EXPECT(n == 2 && v[1].generation == 3 && v[1].sentence == 1 && v[1].hook == BH_OUT);
	EXPECT(v[1].packets == 12 && v[1].bytes == 720 && v[1].after == 100 && v[1].until == 200);
	EXPECT_STR(v[1].text, h.text);
	for (size_t k = 1; k < b.len / 2; k++)
		EXPECT_INT(bh_wire_get_hits(bh_span_of(b.ptr, k), &a, &v, &n), -EBADMSG);
	memset(b.ptr, 'x', sizeof h.text);
	EXPECT_INT(bh_wire_get_hits(bh_span_of(b.ptr, b.len), &a, &v, &n), -EBADMSG);
}

static void test_an_answer_is_believed_only_within_its_limits(void)
{
	BH_AUTO_BUF b = { 0 };
	int err;
	bool more;
	uint32_t len;

	bh_wire_answer(&b, 16, false, "busy", 4);
	EXPECT_INT(
		bh_wire_answer_header(bh_span_of(b.ptr, BH_ANSWER_HEADER), &err, &more, &len), 0);
	EXPECT_INT(err, 16);
	EXPECT_INT(len, 4);
	for (size_t n = 0; n < BH_ANSWER_HEADER; n++)
		EXPECT_INT(
			bh_wire_answer_header(bh_span_of(b.ptr, n), &err, &more, &len), -EBADMSG);
	put_le32(&b, 12, BH_MAX_WHY + 1);
	EXPECT_INT(bh_wire_answer_header(bh_span_of(b.ptr, BH_ANSWER_HEADER), &err, &more, &len),
		-EBADMSG);
	put_le32(&b, 12, 4);
	put_le32(&b, 4, 5000);
	EXPECT_INT(bh_wire_answer_header(bh_span_of(b.ptr, BH_ANSWER_HEADER), &err, &more, &len),
		-EBADMSG);
}

int main(void)
{
	RUN(test_a_request_arrives_as_it_was_sent);
	RUN(test_every_truncation_is_refused);
	RUN(test_a_tail_is_refused);
	RUN(test_a_lie_in_any_field_is_refused);
	RUN(test_text_with_a_hidden_rest_is_refused);
	RUN(test_a_ring_is_neither_empty_nor_boundless);
	RUN(test_only_names_of_interfaces_are_names);
	RUN(test_a_length_is_refused_before_anything_is_allocated);
	RUN(test_a_state_arrives_as_it_was_told);
	RUN(test_hits_arrive_as_they_were_told);
	RUN(test_an_answer_is_believed_only_within_its_limits);
	return tap_done();
}
