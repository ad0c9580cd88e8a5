/* The interpreter, expression by expression; and that one member of a class answers for
 * all: whatever a random rule tests, its classes never mix two answers. */
#include "proof/packet.h"
#include "proof/space.h"
#include "proof_build.h"
#include "tap.h"

static struct bh_arena arena;
static uint32_t seed = 7;

static unsigned dice(unsigned n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 16) % n;
}

static const struct shape whole = { NULL, .l4proto = true };
static const struct shape later = { "later", .l4proto = true, .later = true, .word = 0x2001 };
static const struct shape cut = { "cut", .l4proto = true, .cut = true, .transport = 8 };
static const struct shape first6 = { "first", .l4proto = true, .frag = true, .next = 44, .word = 1,
	.cut = true };
static const struct shape later6 = { "later", .l4proto = true, .later = true, .frag = true,
	.next = 44, .word = 0x0009 };
static const struct shape blind6 = { "blind", .frag = true, .next = 44, .word = 1, .cut = true };

static struct packet packet(uint8_t family)
{
	struct packet p = { .hook = BH_IN,
		.family = family,
		.proto = BH_TCP,
		.tcp_flags = FLAG_SYN,
		.sport = 50000,
		.dport = 445,
		.src = family == BH_V4 ? 0x0a010203 : (bh_u128)0xfd00 << 112 | 5,
		.dst = family == BH_V4 ? 0x0a0a0a0a : (bh_u128)0xfd00 << 112 | 9,
		.iif = "eth0",
		.shape = &whole };
	return p;
}

/* ---- a ruleset with one base chain, and what it says ----------------------- */

struct set_up {
	struct build d;
	struct rules rules;
	struct path path;
	const struct chain *base[1];
};

static void start(struct set_up *s)
{
	memset(s, 0, sizeof *s);
	gen(&s->d, 1);
	add_table(&s->d, NFPROTO_INET, "bulkhead", 0);
	add_chain(&s->d, NFPROTO_INET, "bulkhead", "c", NF_INET_LOCAL_IN, 0, NF_ACCEPT, "filter");
	add_chain(&s->d, NFPROTO_INET, "bulkhead", "sub", -1, 0, 0, NULL);
	add_chain(&s->d, NFPROTO_INET, "bulkhead", "sub2", -1, 0, 0, NULL);
}

static void rule(struct set_up *s, const char *chain)
{
	begin_rule(&s->d, NFPROTO_INET, "bulkhead", chain, 1);
}

static void drop(struct set_up *s)
{
	x_verdict(&s->d, NF_DROP, NULL);
	end_rule(&s->d);
}

static bool finish(struct set_up *s)
{
	gen(&s->d, 1);
	int r = bh_rules_read(bh_span_of(s->d.b.ptr, s->d.b.len), &arena, &s->rules);
	EXPECT_INT(r, 0);
	if (r < 0)
		return false;
	const struct table *t = bh_rules_table(&s->rules, NFPROTO_INET, "bulkhead");
	s->base[0] = bh_rules_chain(&s->rules, t, "c");
	s->path = (struct path){ .v = s->base, .n = 1 };
	return true;
}

static void over(struct set_up *s)
{
	bh_buf_reset(&s->d.b);
	bh_arena_reset(&arena);
}

static enum decision says(const struct set_up *s, const struct packet *p)
{
	struct answer a;
	bh_packet_ask(&s->path, p, 445, &a);
	return a.decision;
}

static void test_a_cmp_compares_bytes_in_order(void)
{
	static const uint8_t v[4] = { 10, 1, 2, 3 };
	/* For a source one below, equal and one above: does the rule match? */
	static const bool want[6][3] = {
		[NFT_CMP_EQ] = { 0, 1, 0 },
		[NFT_CMP_NEQ] = { 1, 0, 1 },
		[NFT_CMP_LT] = { 1, 0, 0 },
		[NFT_CMP_LTE] = { 1, 1, 0 },
		[NFT_CMP_GT] = { 0, 0, 1 },
		[NFT_CMP_GTE] = { 0, 1, 1 },
	};

	for (uint32_t op = 0; op < 6; op++) {
		struct set_up s;
		struct packet p = packet(BH_V4);
		start(&s);
		rule(&s, "c");
		x_payload(&s.d, NFT_PAYLOAD_NETWORK_HEADER, 12, 4);
		x_cmp(&s.d, op, v, 4);
		drop(&s);
		if (!finish(&s))
			return;
		for (unsigned i = 0; i < 3; i++) {
			p.src = 0x0a010202 + i;
			EXPECT_INT(says(&s, &p), want[op][i] ? BLOCKED : ADMITTED);
		}
		over(&s);
	}
}

static void test_a_range_holds_its_ends(void)
{
	static const uint8_t lo[2] = { 1, 0 }, hi[2] = { 1, 9 };

	for (uint32_t op = 0; op < 2; op++) {
		struct set_up s;
		struct packet p = packet(BH_V4);
		start(&s);
		rule(&s, "c");
		x_payload(&s.d, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
		x_range(&s.d, op, lo, hi, 2);
		drop(&s);
		if (!finish(&s))
			return;
		for (uint16_t port = 254; port < 268; port++) {
			p.dport = port;
			bool in = port >= 256 && port <= 265;
			EXPECT_INT(says(&s, &p), in == (op == NFT_RANGE_EQ) ? BLOCKED : ADMITTED);
		}
		over(&s);
	}
}

static void test_bits_are_masked_and_turned(void)
{
	static const uint8_t mask = FLAG_SYN | FLAG_ACK, xor = FLAG_SYN, zero;

	struct set_up s;
	struct packet p = packet(BH_V4);
	start(&s);
	rule(&s, "c");
	x_meta(&s.d, NFT_META_L4PROTO);
	x_cmp(&s.d, NFT_CMP_EQ, &(uint8_t){ BH_TCP }, 1);
	x_payload(&s.d, NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1);
	x_bitwise(&s.d, &mask, &xor, 1);
	x_cmp(&s.d, NFT_CMP_EQ, &zero, 1); /* exactly SYN of the two */
	drop(&s);
	if (!finish(&s))
		return;
	for (unsigned f = 0; f < 256; f++) {
		p.tcp_flags = (uint8_t)f;
		EXPECT_INT(says(&s, &p), (f & mask) == FLAG_SYN ? BLOCKED : ADMITTED);
	}
	p.shape = &cut;
	EXPECT_INT(says(&s, &p), ADMITTED); /* no flags to load: the rule ends */
	over(&s);
}

static void test_what_cannot_be_loaded_ends_the_rule(void)
{
	struct set_up s;
	struct packet four = packet(BH_V4), six = packet(BH_V6);

	start(&s);
	rule(&s, "c");
	x_payload(&s.d, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
	drop(&s);
	if (!finish(&s))
		return;
	EXPECT_INT(says(&s, &four), BLOCKED);
	four.shape = &later;
	EXPECT_INT(says(&s, &four), ADMITTED);
	four.shape = &cut;
	EXPECT_INT(says(&s, &four), BLOCKED);
	EXPECT_INT(says(&s, &six), BLOCKED);
	six.shape = &first6;
	EXPECT_INT(says(&s, &six), ADMITTED);
	six.shape = &later6;
	EXPECT_INT(says(&s, &six), ADMITTED);
	over(&s);
}

static void test_the_upper_protocol_may_be_unknown(void)
{
	struct set_up s;
	struct packet six = packet(BH_V6);

	start(&s);
	rule(&s, "c");
	x_meta(&s.d, NFT_META_L4PROTO);
	drop(&s);
	if (!finish(&s))
		return;
	six.shape = &first6;
	EXPECT_INT(says(&s, &six), BLOCKED);
	six.shape = &blind6;
	EXPECT_INT(says(&s, &six), ADMITTED);
	over(&s);
}

static void test_a_fragment_header_is_seen_in_ipv6_alone(void)
{
	static const uint8_t yes = 1, mask[2] = { 0xff, 0xf8 }, none[2];
	struct set_up s;
	struct packet four = packet(BH_V4), six = packet(BH_V6);

	start(&s);
	rule(&s, "c");
	x_exthdr(&s.d, 0, 1, NFT_EXTHDR_F_PRESENT);
	x_cmp(&s.d, NFT_CMP_EQ, &yes, 1);
	x_exthdr(&s.d, 2, 2, 0);
	x_bitwise(&s.d, mask, none, 2);
	x_cmp(&s.d, NFT_CMP_EQ, none, 2);
	drop(&s);
	if (!finish(&s))
		return;
	EXPECT_INT(says(&s, &four), ADMITTED);
	four.shape = &later;
	EXPECT_INT(says(&s, &four), ADMITTED);
	EXPECT_INT(says(&s, &six), ADMITTED);
	six.shape = &first6;
	EXPECT_INT(says(&s, &six), BLOCKED);
	six.shape = &later6;
	EXPECT_INT(says(&s, &six), ADMITTED);
	over(&s);
}

static void test_interfaces_go_by_name(void)
{
	static const uint8_t eth0[16] = "eth0";
	struct set_up s;
	struct packet p = packet(BH_V4);

	start(&s);
	rule(&s, "c");
	x_meta(&s.d, NFT_META_IIFNAME);
	x_cmp(&s.d, NFT_CMP_EQ, eth0, 3); /* eth* */
	x_meta(&s.d, NFT_META_OIFNAME);
	x_cmp(&s.d, NFT_CMP_NEQ, eth0, 16);
	drop(&s);
	if (!finish(&s))
		return;
	EXPECT_INT(says(&s, &p), BLOCKED);
	memcpy(p.iif, "et", 3);
	EXPECT_INT(says(&s, &p), ADMITTED);
	memcpy(p.iif, "eth99", 6);
	EXPECT_INT(says(&s, &p), BLOCKED);
	memcpy(p.oif, "eth0", 5);
	EXPECT_INT(says(&s, &p), ADMITTED);
	over(&s);
}

static void test_a_set_of_intervals_begins_and_ends(void)
{
	for (unsigned inverted = 0; inverted < 2; inverted++) {
		struct set_up s;
		struct packet p = packet(BH_V4);
		start(&s);
		begin_set(&s.d, "v", NFT_SET_INTERVAL, 4);
		end(&s.d);
		begin_elems(&s.d, "v"); /* 10..19, 20..29 beside it, 255.255.255.250 on */
		elem4(&s.d, 20, 0);
		elem4(&s.d, 20, NFT_SET_ELEM_INTERVAL_END);
		elem4(&s.d, 10, 0);
		elem4(&s.d, 0xfffffffa, 0);
		elem4(&s.d, 30, NFT_SET_ELEM_INTERVAL_END);
		close_nest(&s.d);
		end(&s.d);
		rule(&s, "c");
		x_payload(&s.d, NFT_PAYLOAD_NETWORK_HEADER, 12, 4);
		x_lookup(&s.d, "v", inverted ? NFT_LOOKUP_F_INV : 0, false);
		drop(&s);
		if (!finish(&s))
			return;
		const uint32_t in[] = { 10, 19, 20, 29, 0xfffffffa, 0xffffffff };
		const uint32_t out[] = { 0, 9, 30, 0xfffffff9 };
		for (size_t i = 0; i < BH_LEN(in); i++) {
			p.src = in[i];
			EXPECT_INT(says(&s, &p), inverted ? ADMITTED : BLOCKED);
		}
		for (size_t i = 0; i < BH_LEN(out); i++) {
			p.src = out[i];
			EXPECT_INT(says(&s, &p), inverted ? BLOCKED : ADMITTED);
		}
		over(&s);
	}
}

static void map_elem(
	struct set_up *s, uint32_t key, int32_t code, const char *chain, uint32_t flags)
{
	uint8_t k[4] = { 0, 0, 0, (uint8_t)key };
	open_nest(&s->d, NFTA_LIST_ELEM);
	if (!(flags & NFT_SET_ELEM_CATCHALL))
		value(&s->d, NFTA_SET_ELEM_KEY, k, 4);
	if (flags)
		attr32(&s->d, NFTA_SET_ELEM_FLAGS, flags);
	verdict(&s->d, NFTA_SET_ELEM_DATA, code, chain);
	close_nest(&s->d);
}

static void test_a_map_gives_verdicts_and_chains_return(void)
{
	struct set_up s;
	struct packet p = packet(BH_V4);

	start(&s);
	begin_set(&s.d, "m", NFT_SET_MAP, 4);
	attr32(&s.d, NFTA_SET_DATA_TYPE, NFT_DATA_VERDICT);
	attr32(&s.d, NFTA_SET_DATA_LEN, 16);
	end(&s.d);
	begin_elems(&s.d, "m");
	map_elem(&s, 1, NF_DROP, NULL, 0);
	map_elem(&s, 2, NFT_JUMP, "sub", 0);
	map_elem(&s, 3, NFT_GOTO, "sub", 0);
	map_elem(&s, 4, NFT_CONTINUE, NULL, 0);
	map_elem(&s, 5, NFT_RETURN, NULL, 0);
	close_nest(&s.d);
	end(&s.d);
	rule(&s, "c");
	x_payload(&s.d, NFT_PAYLOAD_NETWORK_HEADER, 12, 4);
	x_lookup(&s.d, "m", 0, true);
	end_rule(&s.d);
	rule(&s, "c");
	drop(&s);
	rule(&s, "sub"); /* comes back, and so does who jumped */
	x_verdict(&s.d, NFT_JUMP, "sub2");
	end_rule(&s.d);
	if (!finish(&s))
		return;
	const enum decision want[] = { BLOCKED, BLOCKED, BLOCKED, ADMITTED, BLOCKED, ADMITTED };
	for (unsigned i = 0; i < BH_LEN(want); i++) {
		p.src = i;
		EXPECT_INT(says(&s, &p), want[i]);
	}
	over(&s);
}

static void test_a_catch_all_catches_what_is_left(void)
{
	struct set_up s;
	struct packet p = packet(BH_V4);

	start(&s);
	begin_set(&s.d, "m", NFT_SET_MAP, 4);
	attr32(&s.d, NFTA_SET_DATA_TYPE, NFT_DATA_VERDICT);
	attr32(&s.d, NFTA_SET_DATA_LEN, 16);
	end(&s.d);
	begin_elems(&s.d, "m");
	map_elem(&s, 1, NF_ACCEPT, NULL, 0);
	map_elem(&s, 0, NF_DROP, NULL, NFT_SET_ELEM_CATCHALL);
	close_nest(&s.d);
	end(&s.d);
	rule(&s, "c");
	x_payload(&s.d, NFT_PAYLOAD_NETWORK_HEADER, 12, 4);
	x_lookup(&s.d, "m", 0, true);
	end_rule(&s.d);
	if (!finish(&s))
		return;
	p.src = 1;
	EXPECT_INT(says(&s, &p), ADMITTED);
	p.src = 2;
	EXPECT_INT(says(&s, &p), BLOCKED);
	over(&s);
}

static void timed_elem(struct set_up *s, uint32_t left)
{
	uint8_t key = NFPROTO_IPV4;
	open_nest(&s->d, NFTA_LIST_ELEM);
	value(&s->d, NFTA_SET_ELEM_KEY, &key, 1);
	attr64(&s->d, NFTA_SET_ELEM_TIMEOUT, 60000);
	attr64(&s->d, NFTA_SET_ELEM_EXPIRATION, left);
	close_nest(&s->d);
}

static void test_a_lease_holds_until_it_lapses(void)
{
	for (uint32_t left = 0; left < 2; left++) {
		struct set_up s;
		struct packet four = packet(BH_V4), six = packet(BH_V6);
		struct answer a;
		start(&s);
		begin_set(&s.d, "lease", NFT_SET_TIMEOUT, 1);
		end(&s.d);
		begin_elems(&s.d, "lease");
		timed_elem(&s, left);
		close_nest(&s.d);
		end(&s.d);
		rule(&s, "c");
		x_meta(&s.d, NFT_META_NFPROTO);
		x_lookup(&s.d, "lease", 0, false);
		drop(&s);
		if (!finish(&s))
			return;
		bh_packet_ask(&s.path, &four, 445, &a);
		EXPECT_INT(a.decision, left ? BLOCKED : ADMITTED);
		EXPECT_INT(a.on_trial, left);
		bh_packet_ask(&s.path, &six, 445, &a);
		EXPECT_INT(a.decision, ADMITTED);
		over(&s);
	}
}

static void test_rules_that_go_round_are_not_followed_for_ever(void)
{
	struct set_up s;
	struct packet p = packet(BH_V4);

	start(&s);
	rule(&s, "c");
	x_verdict(&s.d, NFT_GOTO, "sub");
	end_rule(&s.d);
	rule(&s, "sub");
	x_verdict(&s.d, NFT_GOTO, "sub2");
	end_rule(&s.d);
	rule(&s, "sub2");
	x_verdict(&s.d, NFT_GOTO, "sub");
	end_rule(&s.d);
	if (!finish(&s))
		return;
	EXPECT_INT(says(&s, &p), UNKNOWN);
	over(&s);
}

static void test_an_empty_register_is_not_read(void)
{
	static const uint8_t v[4];
	struct set_up s;
	struct packet p = packet(BH_V4);

	start(&s);
	rule(&s, "c");
	x_cmp(&s.d, NFT_CMP_NEQ, v, 4);
	drop(&s);
	if (!finish(&s))
		return;
	EXPECT_INT(says(&s, &p), UNKNOWN);
	over(&s);
}

static void test_fields_outside_of_the_space_are_not_guessed(void)
{
	struct set_up s;
	struct packet p = packet(BH_V4);

	start(&s);
	rule(&s, "c");
	x_payload(&s.d, NFT_PAYLOAD_NETWORK_HEADER, 8, 1); /* time to live */
	drop(&s);
	if (!finish(&s))
		return;
	EXPECT_INT(says(&s, &p), UNKNOWN);
	over(&s);
}

/* ---- one member answers for its class -------------------------------------- */

static void some_bytes(uint8_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		v[i] = (uint8_t)(dice(3) ? dice(4) : dice(256));
}

static void some_mask(struct set_up *s, size_t n)
{
	static const uint8_t zero[16];
	uint8_t mask[16] = { 0 };
	unsigned bits = dice((unsigned)n * 8 + 1);

	for (unsigned i = 0; i < bits; i++)
		mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
	x_bitwise(&s->d, mask, zero, n);
}

static void some_set(struct set_up *s, const char *set, uint32_t klen, bool map, bool interval)
{
	begin_set(&s->d, set, (interval ? NFT_SET_INTERVAL : 0u) | (map ? NFT_SET_MAP : 0u), klen);
	if (map) {
		attr32(&s->d, NFTA_SET_DATA_TYPE, NFT_DATA_VERDICT);
		attr32(&s->d, NFTA_SET_DATA_LEN, 16);
	}
	end(&s->d);
	begin_elems(&s->d, set);
	for (unsigned i = 0, k = 0; i < 6; i++) {
		uint8_t key[16] = { 0 };
		k += 1 + dice(3);
		key[klen - 1] = (uint8_t)(k % 5);
		key[klen - 2 < klen ? klen - 2 : 0] = (uint8_t)k; /* ascending: all distinct */
		open_nest(&s->d, NFTA_LIST_ELEM);
		value(&s->d, NFTA_SET_ELEM_KEY, key, klen);
		if (interval && i % 2)
			attr32(&s->d, NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
		else if (map)
			verdict(&s->d, NFTA_SET_ELEM_DATA, dice(2) ? NF_ACCEPT : NF_DROP, NULL);
		close_nest(&s->d);
	}
	close_nest(&s->d);
	end(&s->d);
}

static const struct {
	uint32_t base, off, len;
	bool masked;
} fields[] = {
	{ NFT_PAYLOAD_NETWORK_HEADER, 12, 4, true },
	{ NFT_PAYLOAD_NETWORK_HEADER, 12, 3, true },
	{ NFT_PAYLOAD_NETWORK_HEADER, 16, 4, true },
	{ NFT_PAYLOAD_NETWORK_HEADER, 12, 8, false }, /* both at once */
	{ NFT_PAYLOAD_NETWORK_HEADER, 8, 16, true }, /* IPv6 source */
	{ NFT_PAYLOAD_NETWORK_HEADER, 14, 2, true }, /* amid the address */
	{ NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2, true },
	{ NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, true },
	{ NFT_PAYLOAD_TRANSPORT_HEADER, 0, 4, false },
	{ NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1, true },
	{ NFT_PAYLOAD_NETWORK_HEADER, 9, 1, true },
};

static void some_rule(struct set_up *s, unsigned i)
{
	unsigned f = dice(BH_LEN(fields)), kind = dice(4);
	uint8_t a[16], b[16];
	uint32_t len = fields[f].len;
	char set[8] = { 's', (char)('0' + i), '\0' };
	bool map = dice(2);

	some_bytes(a, sizeof a);
	some_bytes(b, sizeof b);
	if (kind == 3)
		some_set(s, set, len, map, len > 1 && dice(2));
	rule(s, "c");
	x_payload(&s->d, fields[f].base, fields[f].off, len);
	if (fields[f].masked && dice(2))
		some_mask(s, len);
	switch (kind) {
	case 0: x_cmp(&s->d, dice(6), a, len); break;
	case 1: x_range(&s->d, dice(2), a, b, len); break;
	case 2: x_cmp(&s->d, dice(2), a, len); break;
	default: x_lookup(&s->d, set, map ? 0 : dice(2), map); break;
	}
	x_verdict(&s->d, dice(2) ? NF_DROP : NF_ACCEPT, NULL);
	end_rule(&s->d);
}

static bh_u128 some_address(uint8_t family)
{
	uint8_t v[16];
	bh_u128 n = 0;

	some_bytes(v, sizeof v);
	for (unsigned i = 0; i < (family == BH_V4 ? 4u : 16u); i++)
		n = n << 8 | v[i];
	return n;
}

static bh_u128 rep(const struct atoms *a, bh_u128 max, bh_u128 num)
{
	struct classes c;

	EXPECT_INT(bh_space_divide(a, max, &c), 0);
	for (size_t i = 0; i < c.n; i++)
		if (bh_ranges_contain(c.v[i].all, num))
			return c.v[i].rep;
	EXPECT(false);
	return 0;
}

/* The representative of the packet's class. */
static struct packet stands_for(const struct study *t, struct packet p)
{
	p.src = rep(&t->src, bh_addr_max(p.family), p.src);
	p.dst = rep(&t->dst, bh_addr_max(p.family), p.dst);
	p.sport = (uint16_t)rep(&t->sport, 65535, p.sport);
	p.dport = (uint16_t)rep(&t->dport, 65535, p.dport);
	for (unsigned f = 0; f < 256; f++)
		if (t->flags_class[f] == t->flags_class[p.tcp_flags]) {
			p.tcp_flags = (uint8_t)f;
			break;
		}
	return p;
}

static struct study study_of(const struct set_up *s, uint8_t family)
{
	struct atoms none = { .a = &arena };
	struct study t = { .a = &arena,
		.family = family,
		.src = none,
		.dst = none,
		.sport = none,
		.dport = none,
		.proto = none,
		.n_flags = 1 };
	bh_study_rules(&t, &s->rules, bh_rules_table(&s->rules, NFPROTO_INET, "bulkhead"));
	return t;
}

static struct packet some_packet(uint8_t family)
{
	struct packet p = packet(family);
	uint8_t v[5];

	some_bytes(v, sizeof v);
	p.src = some_address(family);
	p.dst = some_address(family);
	p.sport = (uint16_t)(v[0] << 8 | v[1]);
	p.dport = (uint16_t)(v[2] << 8 | v[3]);
	p.tcp_flags = v[4];
	return p;
}

static void test_one_member_answers_for_its_class(void)
{
	unsigned known = 0, blocked = 0;

	for (unsigned run = 0; run < 1500; run++) {
		struct set_up s;
		uint8_t family = run % 2 ? BH_V4 : BH_V6;
		start(&s);
		for (unsigned i = 0, n = 1 + dice(3); i < n; i++)
			some_rule(&s, i);
		if (!finish(&s))
			return;
		struct study t = study_of(&s, family);
		for (unsigned i = 0; i < 12; i++) {
			struct packet p = some_packet(family), q = stands_for(&t, p);
			enum decision of_p = says(&s, &p), of_q = says(&s, &q);
			EXPECT_INT(of_p, of_q);
			known += of_p != UNKNOWN;
			blocked += of_p == BLOCKED;
		}
		over(&s);
	}
	/* The dice must not have thrown nonsense only. */
	EXPECT(known > 4000);
	EXPECT(blocked > 1000);
	printf("# %u packets understood, %u of them blocked\n", known, blocked);
}

int main(void)
{
	RUN(test_a_cmp_compares_bytes_in_order);
	RUN(test_a_range_holds_its_ends);
	RUN(test_bits_are_masked_and_turned);
	RUN(test_what_cannot_be_loaded_ends_the_rule);
	RUN(test_the_upper_protocol_may_be_unknown);
	RUN(test_a_fragment_header_is_seen_in_ipv6_alone);
	RUN(test_interfaces_go_by_name);
	RUN(test_a_set_of_intervals_begins_and_ends);
	RUN(test_a_map_gives_verdicts_and_chains_return);
	RUN(test_a_catch_all_catches_what_is_left);
	RUN(test_a_lease_holds_until_it_lapses);
	RUN(test_rules_that_go_round_are_not_followed_for_ever);
	RUN(test_an_empty_register_is_not_read);
	RUN(test_fields_outside_of_the_space_are_not_guessed);
	RUN(test_one_member_answers_for_its_class);
	return tap_done();
}
