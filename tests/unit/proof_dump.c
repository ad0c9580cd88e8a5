/* The dump's reader, and the whole check on a table written by hand. */
#include "proof/proof.h"
#include "proof_build.h"
#include "tap.h"

static const uint8_t tcp = BH_TCP, smb[2] = { 445 >> 8, 445 & 0xff };

/* Admits 10.0.0.0/8 to tcp/445 on input, and blocks everybody else. */
static bool admit(void *ctx, const struct bh_flow *f)
{
	const struct bh_addrset *corp = ctx;
	bool loop = !strcmp(f->iif, "lo") || f->client.num >> 24 == 127 || f->client.num == 1 ||
		    f->server.num >> 24 == 127 || f->server.num == 1;
	return loop || bh_addrset_contains(corp, &f->client);
}

static struct bh_range corp4[1] = { { 0x0a000000, 0x0affffff } };
static struct bh_addrset corp = { .v4 = { corp4, 1 } };
static const struct bh_service services[1] = { { 445, BH_TCP } };

static struct bh_judge judge(void)
{
	return (struct bh_judge){ .ctx = &corp,
		.admit = admit,
		.sets = &corp,
		.n_sets = 1,
		.services = services,
		.n_services = 1,
		.hooks = BH_HOOK_BIT(BH_IN),
		.log_group = 445 };
}

static void rule(struct build *d, const char *chain, uint32_t handle)
{
	begin_rule(d, NFPROTO_INET, "bulkhead", chain, handle);
}

static void accept_lo(struct build *d)
{
	static const uint8_t name16[16] = "lo";
	static const uint8_t four = NFPROTO_IPV4, six = NFPROTO_IPV6, loop4 = 127,
			     loop6[16] = { [15] = 1 };
	rule(d, "gate", 10);
	x_meta(d, NFT_META_IIFNAME);
	x_cmp(d, NFT_CMP_EQ, name16, 16);
	x_verdict(d, NF_ACCEPT, NULL);
	end_rule(d);
	for (uint32_t side = 0; side < 2; side++) {
		rule(d, "gate", 11 + side);
		x_meta(d, NFT_META_NFPROTO);
		x_cmp(d, NFT_CMP_EQ, &four, 1);
		x_payload(d, NFT_PAYLOAD_NETWORK_HEADER, 12 + 4 * side, 1);
		x_cmp(d, NFT_CMP_EQ, &loop4, 1);
		x_verdict(d, NF_ACCEPT, NULL);
		end_rule(d);
		rule(d, "gate", 13 + side);
		x_meta(d, NFT_META_NFPROTO);
		x_cmp(d, NFT_CMP_EQ, &six, 1);
		x_payload(d, NFT_PAYLOAD_NETWORK_HEADER, 8 + 16 * side, 16);
		x_cmp(d, NFT_CMP_EQ, loop6, 16);
		x_verdict(d, NF_ACCEPT, NULL);
		end_rule(d);
	}
}

static void fragments(struct build *d)
{
	static const uint8_t yes = 1, none[2], mask[2] = { 0xff, 0xf8 }, most[2] = { 0xff, 0xff };

	rule(d, "input", 3);
	x_exthdr(d, 0, 1, NFT_EXTHDR_F_PRESENT);
	x_cmp(d, NFT_CMP_EQ, &yes, 1);
	x_verdict(d, NFT_JUMP, "frag");
	end_rule(d);
	rule(d, "frag", 4);
	x_exthdr(d, 2, 2, 0);
	x_bitwise(d, mask, none, 2);
	x_cmp(d, NFT_CMP_NEQ, none, 2);
	x_verdict(d, NFT_RETURN, NULL);
	end_rule(d);
	rule(d, "frag", 5);
	x_payload(d, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
	x_range(d, NFT_RANGE_EQ, none, most, 2);
	x_verdict(d, NFT_RETURN, NULL);
	end_rule(d);
	rule(d, "frag", 6);
	x_verdict(d, NF_DROP, NULL);
	end_rule(d);
}

/* hostile: what stands in the gate before its end; NULL: nothing. */
static struct build whole(void (*more)(struct build *d))
{
	struct build d = { 0 };
	static const uint8_t four = NFPROTO_IPV4;

	gen(&d, 7);
	add_table(&d, NFPROTO_INET, "bulkhead", 0);
	add_chain(&d, NFPROTO_INET, "bulkhead", "input", NF_INET_LOCAL_IN, 10, NF_ACCEPT, "filter");
	add_chain(&d, NFPROTO_INET, "bulkhead", "gate", -1, 0, 0, NULL);
	add_chain(&d, NFPROTO_INET, "bulkhead", "frag", -1, 0, 0, NULL);
	begin_set(&d, "corp", NFT_SET_INTERVAL, 4);
	end(&d);
	begin_elems(&d, "corp");
	elem4(&d, 0, NFT_SET_ELEM_INTERVAL_END);
	elem4(&d, 0x0a000000, 0);
	elem4(&d, 0x0b000000, NFT_SET_ELEM_INTERVAL_END);
	close_nest(&d);
	end(&d);
	rule(&d, "input", 1);
	x_meta(&d, NFT_META_L4PROTO);
	x_cmp(&d, NFT_CMP_EQ, &tcp, 1);
	x_payload(&d, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
	x_cmp(&d, NFT_CMP_EQ, smb, 2);
	x_verdict(&d, NFT_GOTO, "gate");
	end_rule(&d);
	fragments(&d);
	accept_lo(&d);
	rule(&d, "gate", 20);
	x_meta(&d, NFT_META_NFPROTO);
	x_cmp(&d, NFT_CMP_EQ, &four, 1);
	x_payload(&d, NFT_PAYLOAD_NETWORK_HEADER, 12, 4);
	x_lookup(&d, "corp", 0, false);
	x_verdict(&d, NF_ACCEPT, NULL);
	end_rule(&d);
	if (more)
		more(&d);
	rule(&d, "gate", 21);
	x_plain(&d, "counter");
	x_verdict(&d, NF_DROP, NULL);
	end_rule(&d);
	gen(&d, 7);
	return d;
}

static int ask(const struct build *d, size_t len, struct bh_proof *ret)
{
	BH_AUTO_ARENA a = { 0 };
	struct bh_judge j = judge();
	return bh_proof_check(bh_span_of(d->b.ptr, len), &j, &a, ret);
}

static void test_a_whole_dump_is_proven(void)
{
	struct build d = whole(NULL);
	struct bh_proof p;

	EXPECT_INT(ask(&d, d.b.len, &p), 0);
	EXPECT_INT(p.answer, BH_PROVEN);
	EXPECT(p.classes > 500);
	EXPECT(!p.why_not && !p.no_table && !p.foreign_nat);
	bh_buf_reset(&d.b);
}

static void test_every_truncation_is_refused(void)
{
	struct build d = whole(NULL);
	struct bh_proof p;

	for (size_t len = 0; len < d.b.len; len++)
		EXPECT_INT(ask(&d, len, &p), -EBADMSG);
	bh_buf_reset(&d.b);
}

/* Refused, or at least no proof of anything. */
static bool believed(const struct build *d)
{
	struct bh_proof p;
	return ask(d, d->b.len, &p) == 0 && p.answer == BH_PROVEN;
}

/* A lie of a byte or two that stays within the padding changes no meaning: a value is
 * longer by zeros that its register has too.  All others move what follows. */
static bool within_padding(size_t len, size_t lie)
{
	return lie > 4 && (lie + 3) / 4 == (len + 3) / 4;
}

static void test_a_lie_about_any_length_is_not_believed(void)
{
	struct build d = whole(NULL);
	unsigned told = 0;

	for (unsigned i = 0; i < d.n_at; i++) {
		uint16_t len;
		memcpy(&len, d.b.ptr + d.at[i], sizeof len);
		const size_t lies[] = { 0, 3, len - 4u, len - 1u, len + 1u, len + 4u, 0xffff };
		for (size_t k = 0; k < BH_LEN(lies); k++) {
			if (within_padding(len, lies[k]))
				continue;
			patch16(&d, d.at[i], lies[k]);
			EXPECT(!believed(&d));
			told++;
		}
		patch16(&d, d.at[i], len);
	}
	EXPECT(believed(&d));
	EXPECT(told > 1000);
	bh_buf_reset(&d.b);
}

static void test_a_lie_about_a_message_is_not_believed(void)
{
	struct build d = whole(NULL);

	for (size_t at = 0; at < d.b.len;) {
		uint32_t len, lies[] = { 0, 15, 19, 0, 0, UINT32_MAX };
		memcpy(&len, d.b.ptr + at, sizeof len);
		lies[3] = len - 4;
		lies[4] = len + 4;
		for (size_t k = 0; k < BH_LEN(lies); k++) {
			memcpy(d.b.ptr + at, &lies[k], sizeof len);
			EXPECT(!believed(&d));
		}
		memcpy(d.b.ptr + at, &len, sizeof len);
		at += len;
	}
	bh_buf_reset(&d.b);
}

static void test_a_generation_that_moves_is_told(void)
{
	struct build d = whole(NULL);
	struct bh_proof p;

	d.b.ptr[d.b.len - 1] = 8;
	EXPECT_INT(ask(&d, d.b.len, &p), 0);
	EXPECT(p.moved);
	EXPECT_INT(p.answer, BH_NOT_PROVEN);
	bh_buf_reset(&d.b);
}

static void let_one_in(struct build *d)
{
	static const uint8_t four = NFPROTO_IPV4, one[4] = { 192, 0, 2, 1 };

	rule(d, "gate", 30);
	x_meta(d, NFT_META_NFPROTO);
	x_cmp(d, NFT_CMP_EQ, &four, 1);
	x_payload(d, NFT_PAYLOAD_NETWORK_HEADER, 12, 4);
	x_cmp(d, NFT_CMP_EQ, one, 4);
	x_verdict(d, NF_ACCEPT, NULL);
	end_rule(d);
}

static void test_one_address_let_in_is_named_exactly(void)
{
	struct build d = whole(let_one_in);
	BH_AUTO_ARENA a = { 0 };
	struct bh_judge j = judge();
	struct bh_proof p;

	EXPECT_INT(bh_proof_check(bh_span_of(d.b.ptr, d.b.len), &j, &a, &p), 0);
	EXPECT_INT(p.answer, BH_DIFFERS);
	EXPECT_INT(p.n_differences, 1);
	const struct bh_difference *f = p.differences;
	EXPECT(f && f->kernel_admits && f->service.port == 445 && f->service.proto == BH_TCP);
	EXPECT(f && f->src.v4.n == 1 && f->src.v4.v[0].lo == 0xc0000201 &&
		f->src.v4.v[0].hi == 0xc0000201 && !f->src.v6.n);
	EXPECT(f && !f->what && !f->ifname[0] && !f->dropped);
	bh_buf_reset(&d.b);
}

static void ask_something_unknown(struct build *d)
{
	rule(d, "gate", 99);
	x_plain(d, "quota");
	x_verdict(d, NF_ACCEPT, NULL);
	end_rule(d);
}

static void test_what_is_not_understood_is_named(void)
{
	struct build d = whole(ask_something_unknown);
	BH_AUTO_ARENA a = { 0 };
	struct bh_judge j = judge();
	struct bh_proof p;

	EXPECT_INT(bh_proof_check(bh_span_of(d.b.ptr, d.b.len), &j, &a, &p), 0);
	EXPECT_INT(p.answer, BH_NOT_PROVEN);
	EXPECT_STR(p.why_not, "table inet bulkhead, chain gate, rule handle 99, 'quota': "
			      "this expression is not understood");
	bh_buf_reset(&d.b);
}

static void limited_log(struct build *d)
{
	rule(d, "gate", 40);
	x_plain(d, "limit");
	x_log(d, 445);
	end_rule(d);
}

static void limited_accept(struct build *d)
{
	rule(d, "gate", 41);
	x_plain(d, "limit");
	x_verdict(d, NF_ACCEPT, NULL);
	end_rule(d);
}

static void test_a_limit_may_guard_a_log_and_nothing_else(void)
{
	struct build log = whole(limited_log), verdict_too = whole(limited_accept);

	EXPECT(believed(&log));
	EXPECT(!believed(&verdict_too));
	bh_buf_reset(&log.b);
	bh_buf_reset(&verdict_too.b);
}

static void log_and_accept(struct build *d)
{
	limited_log(d);
	rule(d, "gate", 42);
	x_verdict(d, NF_ACCEPT, NULL);
	end_rule(d);
}

static void test_audit_wants_what_is_blocked_logged_and_nothing_dropped(void)
{
	struct build told = whole(log_and_accept), dropped = whole(limited_log);
	struct bh_judge j = judge();
	BH_AUTO_ARENA a = { 0 };
	struct bh_proof p;

	j.audit = true;
	EXPECT_INT(bh_proof_check(bh_span_of(dropped.b.ptr, dropped.b.len), &j, &a, &p), 0);
	EXPECT_INT(p.answer, BH_DIFFERS);
	EXPECT(p.differences && p.differences->dropped);
	EXPECT_INT(bh_proof_check(bh_span_of(told.b.ptr, told.b.len), &j, &a, &p), 0);
	/* The fragments that nobody can judge are still dropped by this hand-made table. */
	for (const struct bh_difference *f = p.differences; f; f = f->next)
		EXPECT(f->dropped && !f->ports.n);
	j.log_group = 446;
	EXPECT_INT(bh_proof_check(bh_span_of(told.b.ptr, told.b.len), &j, &a, &p), 0);
	bool untold = false;
	for (const struct bh_difference *f = p.differences; f; f = f->next)
		untold = untold || (f->kernel_admits && f->service.port == 445);
	EXPECT(untold);
	bh_buf_reset(&told.b);
	bh_buf_reset(&dropped.b);
}

static struct bh_proof with_flags(uint32_t flags)
{
	struct build d = whole(NULL);
	struct bh_proof p = { 0 };
	size_t at = 0;

	/* The table's flags are the last attribute of the second message. */
	for (int i = 0; i < 2; i++) {
		uint32_t len;
		memcpy(&len, d.b.ptr + at, sizeof len);
		at += len;
	}
	d.b.ptr[at - 1] = (char)flags;
	EXPECT_INT(ask(&d, d.b.len, &p), 0);
	bh_buf_reset(&d.b);
	return p;
}

static void test_a_table_that_sleeps_decides_nothing(void)
{
	struct bh_proof awake = with_flags(0), asleep = with_flags(NFT_TABLE_F_DORMANT);

	EXPECT_INT(awake.answer, BH_PROVEN);
	EXPECT_INT(asleep.answer, BH_DIFFERS);
	EXPECT(asleep.no_table);
}

static void test_no_table_at_all_differs(void)
{
	struct build d = { 0 };
	struct bh_proof p;

	gen(&d, 1);
	gen(&d, 1);
	EXPECT_INT(ask(&d, d.b.len, &p), 0);
	EXPECT(p.no_table);
	EXPECT_INT(p.answer, BH_DIFFERS);
	bh_buf_reset(&d.b);
}

static void redirect(struct build *d, const char *table, bool to_ours, uint16_t from)
{
	uint8_t port[2] = { (uint8_t)(from >> 8), (uint8_t)from };
	uint8_t other[2] = { 5, 165 }; /* 1445 */

	add_table(d, NFPROTO_IPV4, table, 0);
	add_chain(d, NFPROTO_IPV4, table, "pre", NF_INET_PRE_ROUTING, -100, NF_ACCEPT, "nat");
	begin_rule(d, NFPROTO_IPV4, table, "pre", 77);
	x_meta(d, NFT_META_L4PROTO);
	x_cmp(d, NFT_CMP_EQ, &tcp, 1);
	x_payload(d, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
	x_cmp(d, NFT_CMP_EQ, port, 2);
	begin_expr(d, "immediate");
	attr32(d, NFTA_IMMEDIATE_DREG, NFT_REG_1);
	value(d, NFTA_IMMEDIATE_DATA, to_ours ? smb : other, 2);
	end_expr(d);
	begin_expr(d, "redir");
	attr32(d, NFTA_REDIR_REG_PROTO_MIN, NFT_REG_1);
	end_expr(d);
	end_rule(d);
}

static bool walks_past(bool to_ours, uint16_t from, size_t *sentences)
{
	struct build d = whole(NULL);
	BH_AUTO_ARENA a = { 0 };
	struct bh_judge j = judge();
	struct bh_proof p;

	d.b.len -= 28; /* the last generation */
	redirect(&d, "nat", to_ours, from);
	gen(&d, 7);
	EXPECT_INT(bh_proof_check(bh_span_of(d.b.ptr, d.b.len), &j, &a, &p), 0);
	EXPECT_INT(p.answer, BH_PROVEN);
	*sentences = p.n_outside;
	if (p.n_outside)
		EXPECT(strstr(p.outside[0], "table ip nat, chain pre, rule handle 77"));
	bh_buf_reset(&d.b);
	return p.foreign_nat;
}

static void test_nat_that_leads_past_us_is_told_from_nat_that_does_not(void)
{
	size_t n;

	EXPECT(walks_past(false, 445, &n));
	EXPECT_INT(n, 1);
	EXPECT(!walks_past(true, 445, &n));
	EXPECT_INT(n, 1);
	EXPECT(!walks_past(false, 8080, &n));
	EXPECT_INT(n, 0);
}

int main(void)
{
	RUN(test_a_whole_dump_is_proven);
	RUN(test_every_truncation_is_refused);
	RUN(test_a_lie_about_any_length_is_not_believed);
	RUN(test_a_lie_about_a_message_is_not_believed);
	RUN(test_a_generation_that_moves_is_told);
	RUN(test_one_address_let_in_is_named_exactly);
	RUN(test_what_is_not_understood_is_named);
	RUN(test_a_limit_may_guard_a_log_and_nothing_else);
	RUN(test_audit_wants_what_is_blocked_logged_and_nothing_dropped);
	RUN(test_a_table_that_sleeps_decides_nothing);
	RUN(test_no_table_at_all_differs);
	RUN(test_nat_that_leads_past_us_is_told_from_nat_that_does_not);
	return tap_done();
}
