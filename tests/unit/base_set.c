/* Interval sets against brute force, exhaustively on 8-bit addresses: everything rests on them. */
#include "base/set.h"
#include "tap.h"

#define SPACE 256

static struct bh_arena arena;

static struct bh_ranges of_bits(const bool bits[SPACE])
{
	struct bh_range v[SPACE];
	size_t n = 0;

	for (unsigned i = 0; i < SPACE; i++) {
		if (bits[i])
			v[n++] = (struct bh_range){ .lo = i, .hi = i };
	}
	return bh_ranges_from(&arena, v, n);
}

static bool canonical(struct bh_ranges r)
{
	for (size_t i = 0; i < r.n; i++) {
		if (r.v[i].lo > r.v[i].hi)
			return false;
		if (i && (r.v[i].lo <= r.v[i - 1].hi || r.v[i].lo - r.v[i - 1].hi == 1))
			return false;
	}
	return true;
}

static bool same(struct bh_ranges r, const bool bits[SPACE])
{
	if (!canonical(r))
		return false;
	for (unsigned i = 0; i < SPACE; i++) {
		if (bh_ranges_contain(r, i) != bits[i])
			return false;
	}
	return true;
}

/* Holds every operation on x and y against its definition, address by address. */
static void check_pair(const bool x[SPACE], const bool y[SPACE])
{
	bool both[SPACE], either[SPACE], less[SPACE], not_x[SPACE];
	struct bh_ranges a = of_bits(x), b = of_bits(y);

	for (unsigned i = 0; i < SPACE; i++) {
		both[i] = x[i] && y[i];
		either[i] = x[i] || y[i];
		less[i] = x[i] && !y[i];
		not_x[i] = !x[i];
	}
	EXPECT(same(a, x));
	EXPECT(same(bh_ranges_union(&arena, a, b), either));
	EXPECT(same(bh_ranges_intersect(&arena, a, b), both));
	EXPECT(same(bh_ranges_subtract(&arena, a, b), less));
	EXPECT(same(bh_ranges_complement(&arena, a, SPACE - 1), not_x));
	EXPECT(bh_ranges_equal(a, b) == !memcmp(x, y, SPACE));
	bh_arena_reset(&arena);
}

static void test_every_pair_of_ranges_agrees_with_brute_force(void)
{
	/* Every range with ends among the corners against every other; both ends of the
	 * space are corners. */
	static const unsigned corner[] = { 0, 1, 2, 63, 64, 127, 128, 129, 253, 254, 255 };
	const size_t n = BH_LEN(corner);

	for (size_t a = 0; a < n; a++) {
		for (size_t b = a; b < n; b++) {
			for (size_t c = 0; c < n; c++) {
				for (size_t d = c; d < n; d++) {
					bool x[SPACE] = { 0 }, y[SPACE] = { 0 };
					for (unsigned i = corner[a]; i <= corner[b]; i++)
						x[i] = true;
					for (unsigned i = corner[c]; i <= corner[d]; i++)
						y[i] = true;
					check_pair(x, y);
				}
			}
		}
	}
}

static uint32_t rng = 12345;

static uint32_t draw(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 17;
	rng ^= rng << 5;
	return rng;
}

static void test_random_sets_agree_with_brute_force(void)
{
	for (unsigned round = 0; round < 3000; round++) {
		bool x[SPACE], y[SPACE];
		unsigned px = draw() % 9, py = draw() % 9;
		bool runs = draw() % 2;

		for (unsigned i = 0; i < SPACE; i++) {
			x[i] = runs && i && draw() % 8 ? x[i - 1] : draw() % 8 < px;
			y[i] = runs && i && draw() % 8 ? y[i - 1] : draw() % 8 < py;
		}
		check_pair(x, y);
	}
}

static void test_every_set_of_a_tiny_space_agrees(void)
{
	/* All 256 × 256 pairs of subsets of eight addresses at the top of the space. */
	for (unsigned p = 0; p < 256; p++) {
		for (unsigned q = 0; q < 256; q++) {
			bool x[SPACE] = { 0 }, y[SPACE] = { 0 };
			struct bh_ranges a, b;
			for (unsigned i = 0; i < 8; i++) {
				x[248 + i] = p >> i & 1;
				y[248 + i] = q >> i & 1;
			}
			a = of_bits(x);
			b = of_bits(y);
			struct bh_ranges u = bh_ranges_union(&arena, a, b);
			struct bh_ranges m = bh_ranges_intersect(&arena, a, b);
			struct bh_ranges d = bh_ranges_subtract(&arena, a, b);
			EXPECT(canonical(u) && canonical(m) && canonical(d));
			for (unsigned i = 248; i < 256; i++) {
				EXPECT(bh_ranges_contain(u, i) == (x[i] || y[i]));
				EXPECT(bh_ranges_contain(m, i) == (x[i] && y[i]));
				EXPECT(bh_ranges_contain(d, i) == (x[i] && !y[i]));
			}
			bh_arena_reset(&arena);
		}
	}
}

static void test_the_ends_of_the_ipv6_space_do_not_wrap(void)
{
	const bh_u128 top = bh_addr_max(BH_V6);
	struct bh_ranges high = bh_ranges_one(&arena, top, top);
	struct bh_ranges all = bh_ranges_one(&arena, 0, top);
	struct bh_ranges low = bh_ranges_subtract(&arena, all, high);

	EXPECT(low.n == 1 && low.v[0].hi == top - 1);
	EXPECT(bh_ranges_equal(bh_ranges_union(&arena, low, high), all));
	EXPECT(bh_ranges_complement(&arena, all, top).n == 0);
	EXPECT(bh_ranges_equal(
		bh_ranges_complement(&arena, bh_ranges_complement(&arena, high, top), top), high));
	bh_arena_reset(&arena);
}

struct cover {
	bool bits[SPACE];
	unsigned prefixes;
	bool aligned;
};

static void take_prefix(void *ctx, bh_u128 num, unsigned bits)
{
	struct cover *c = ctx;
	unsigned free = 32 - bits;

	c->prefixes++;
	if (num & (((bh_u128)1 << free) - 1))
		c->aligned = false;
	for (unsigned i = 0; i < 1u << free && (unsigned)num + i < SPACE; i++) {
		if (c->bits[(unsigned)num + i])
			c->aligned = false; /* twice */
		c->bits[(unsigned)num + i] = true;
	}
}

/* The fewest prefixes, by trying: greedy from the left is optimal and is counted here
 * the slow way, halving down from the whole space. */
static unsigned fewest(unsigned lo, unsigned hi, unsigned from, unsigned size)
{
	if (hi < from || lo >= from + size)
		return 0;
	if (lo <= from && from + size - 1 <= hi)
		return 1;
	return fewest(lo, hi, from, size / 2) + fewest(lo, hi, from + size / 2, size / 2);
}

static void test_every_range_becomes_the_fewest_prefixes(void)
{
	for (unsigned lo = 0; lo < SPACE; lo++) {
		for (unsigned hi = lo; hi < SPACE; hi++) {
			struct bh_range r = { .lo = lo, .hi = hi };
			struct cover c = { .aligned = true };
			bool exact = true;

			bh_range_prefixes(BH_V4, &r, take_prefix, &c);
			for (unsigned i = 0; i < SPACE; i++)
				exact = exact && c.bits[i] == (i >= lo && i <= hi);
			EXPECT(exact && c.aligned);
			EXPECT_INT(c.prefixes, fewest(lo, hi, 0, SPACE));
		}
	}
}

static void whole(void *ctx, bh_u128 num, unsigned bits)
{
	unsigned *n = ctx;
	*n += num == 0 && bits == 0 ? 1 : 100;
}

static void test_the_whole_space_is_one_prefix(void)
{
	for (unsigned family = BH_V4; family <= BH_V6; family += 2) {
		struct bh_range r = { .lo = 0, .hi = bh_addr_max((uint8_t)family) };
		unsigned n = 0;
		bh_range_prefixes((uint8_t)family, &r, whole, &n);
		EXPECT_INT(n, 1);
	}
}

static void test_sets_print_as_people_write_them(void)
{
	struct bh_addr lo, hi;
	struct bh_addrset s = { 0 };
	BH_AUTO_BUF b = { 0 };
	static const char *const pairs[][2] = {
		{ "10.0.0.0", "10.255.255.255" },
		{ "192.0.2.7", "192.0.2.7" },
		{ "192.0.2.9", "192.0.2.11" },
		{ "fd00::", "fd00::ffff:ffff:ffff:ffff" },
	};

	for (size_t i = 0; i < BH_LEN(pairs); i++) {
		EXPECT(!bh_addr_parse(pairs[i][0], strlen(pairs[i][0]), &lo));
		EXPECT(!bh_addr_parse(pairs[i][1], strlen(pairs[i][1]), &hi));
		s = bh_addrset_union(&arena, s, bh_addrset_range(&arena, &lo, &hi));
	}
	bh_addrset_format(&s, ", ", &b);
	EXPECT_STR(bh_buf_text(&b), "10.0.0.0/8, 192.0.2.7, 192.0.2.9-192.0.2.11, fd00::/64");
	bh_arena_reset(&arena);
}

static void test_addresses_that_are_none_are_refused(void)
{
	static const char *const bad[] = { "", "10.0.0", "10.0.0.256", "10.0.0.01", "1.2.3.4.5",
		"fe80::1%eth0", ":::", "1:2:3:4:5:6:7:8:9", "10.0.0.1 ", "g::1" };
	struct bh_addr a;

	for (size_t i = 0; i < BH_LEN(bad); i++)
		EXPECT(bh_addr_parse(bad[i], strlen(bad[i]), &a) == -EINVAL);
	EXPECT(bh_addr_parse("1.2.3.4\0", 8, &a) == -EINVAL);
}

int main(void)
{
	RUN(test_every_pair_of_ranges_agrees_with_brute_force);
	RUN(test_random_sets_agree_with_brute_force);
	RUN(test_every_set_of_a_tiny_space_agrees);
	RUN(test_the_ends_of_the_ipv6_space_do_not_wrap);
	RUN(test_every_range_becomes_the_fewest_prefixes);
	RUN(test_the_whole_space_is_one_prefix);
	RUN(test_sets_print_as_people_write_them);
	RUN(test_addresses_that_are_none_are_refused);
	return tap_done();
}
