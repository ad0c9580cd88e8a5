#include <stdio.h>

#include "policy/ast.h"

static bool name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || c == '.';
}

static bool made_of(const char *s, size_t len, const char *chars)
{
	for (size_t i = 0; i < len; i++) {
		if (!s[i] || !strchr(chars, s[i]))
			return false;
	}
	return true;
}

/* What can only have been meant as an address, well written or not: names have no
 * colon or slash, and digits and dots alone are never a name; nor is a range of them. */
static bool looks_like_address(const char *s, size_t len)
{
	if (memchr(s, ':', len) || memchr(s, '/', len) || made_of(s, len, "0123456789."))
		return true;
	const char *dash = memchr(s, '-', len);
	struct bh_addr lo;
	if (!dash)
		return false;
	if (bh_addr_parse(s, (size_t)(dash - s), &lo) == 0)
		return true;
	return made_of(s, len, "0123456789.-") && memchr(s, '.', len);
}

const char *bh_name_problem(const char *word, size_t len)
{
	if (!len)
		return "is empty";
	if (len > BH_MAX_NAME)
		return "is longer than 255 characters";
	if (bh_is_keyword(word, len))
		return "is a word of the language";
	if (looks_like_address(word, len))
		return "reads like an address";
	for (size_t i = 0; i < len; i++) {
		if (!name_char(word[i]))
			return "has characters other than letters, digits, '-', '_' and '.'";
	}
	return NULL;
}

/* \\server\share, perhaps with more behind it. */
const char *bh_unc_problem(const char *word, size_t len)
{
	const char *slash = len > 2 ? memchr(word + 2, '\\', len - 2) : NULL;

	if (len > 1024)
		return "is longer than 1024 characters";
	if (len < 5 || word[0] != '\\' || word[1] != '\\' || !slash || slash == word + 2 ||
		slash + 1 == word + len || slash[1] == '\\')
		return "is no DFS namespace: write \\\\corp.example\\dfs";
	return NULL;
}

/* Hostile words can be megabytes long; a sentence about one shows its beginning. */
static const char *shown(const struct bh_token *t, char ret[80])
{
	if (t->len < 64)
		snprintf(ret, 80, "%.*s", (int)t->len, t->ptr);
	else
		snprintf(ret, 80, "%.*s…", 60, t->ptr);
	return ret;
}

static void not_an_address(const struct bh_token *t, struct bh_complain *c)
{
	char word[80];

	shown(t, word);
	if (memchr(t->ptr, '%', t->len))
		bh_complain(c, BH_ERROR, &t->mark,
			"'%s' names an interface: write the address without its zone", word);
	else if (made_of(t->ptr, t->len, "0123456789."))
		bh_complain(c, BH_ERROR, &t->mark,
			"'%s' is no address, and digits and dots alone are never a name: "
			"IPv4 is four numbers from 0 to 255 without leading zeros",
			word);
	else
		bh_complain(c, BH_ERROR, &t->mark,
			"'%s' is no address, prefix or range: write 10.0.0.1, fd00::1, "
			"10.0.0.0/8 or 10.0.0.1-10.0.0.9",
			word);
}

static int prefix_bits(const char *s, size_t len, unsigned width)
{
	unsigned bits = 0;

	if (!len || len > 3 || !made_of(s, len, "0123456789") || (len > 1 && s[0] == '0'))
		return -1;
	for (size_t i = 0; i < len; i++)
		bits = bits * 10 + (unsigned)(s[i] - '0');
	return bits <= width ? (int)bits : -1;
}

static void parse_prefix(
	const struct bh_token *t, const char *slash, struct bh_complain *c, struct bh_item *ret)
{
	struct bh_addr a;
	char word[80], net[BH_ADDR_TEXT], one[BH_ADDR_TEXT];

	if (bh_addr_parse(t->ptr, (size_t)(slash - t->ptr), &a) < 0) {
		not_an_address(t, c);
		return;
	}
	unsigned width = bh_addr_bits(a.family);
	int bits = prefix_bits(slash + 1, t->len - (size_t)(slash + 1 - t->ptr), width);
	if (bits < 0) {
		bh_complain(c, BH_ERROR, &t->mark,
			"'%s': the length of an IPv%d prefix is a number from 0 to %u",
			shown(t, word), a.family, width);
		return;
	}
	unsigned free_bits = width - (unsigned)bits;
	bh_u128 tail = free_bits == 128 ? ~(bh_u128)0 : ((bh_u128)1 << free_bits) - 1;
	if (a.num & tail) {
		struct bh_addr low = a;
		low.num &= ~tail;
		bh_complain(c, BH_ERROR, &t->mark,
			"'%s' has host bits set: write %s/%d for the network, or %s/%u for this "
			"one address",
			shown(t, word), bh_addr_format(&low, net), bits, bh_addr_format(&a, one),
			width);
		return;
	}
	ret->lo = a.num;
	ret->hi = a.num | tail;
	ret->family = a.family;
	ret->kind = BH_ITEM_PREFIX;
}

static void parse_range(
	const struct bh_token *t, const char *dash, struct bh_complain *c, struct bh_item *ret)
{
	struct bh_addr lo, hi;
	char word[80], x[BH_ADDR_TEXT], y[BH_ADDR_TEXT];

	if (bh_addr_parse(t->ptr, (size_t)(dash - t->ptr), &lo) < 0 ||
		bh_addr_parse(dash + 1, t->len - (size_t)(dash + 1 - t->ptr), &hi) < 0) {
		bh_complain(c, BH_ERROR, &t->mark,
			"'%s' is no range: write two addresses with '-' and no blank between "
			"them, 10.0.0.1-10.0.0.9",
			shown(t, word));
		return;
	}
	if (lo.family != hi.family) {
		bh_complain(c, BH_ERROR, &t->mark,
			"'%s' begins in IPv%d and ends in IPv%d: write one range for each",
			shown(t, word), lo.family, hi.family);
		return;
	}
	if (lo.num > hi.num) {
		bh_complain(c, BH_ERROR, &t->mark,
			"'%s' runs backwards: write %s-%s if that was meant", shown(t, word),
			bh_addr_format(&hi, x), bh_addr_format(&lo, y));
		return;
	}
	ret->lo = lo.num;
	ret->hi = hi.num;
	ret->family = lo.family;
	ret->kind = BH_ITEM_RANGE;
}

static void parse_address(const struct bh_token *t, struct bh_complain *c, struct bh_item *ret)
{
	const char *slash = memchr(t->ptr, '/', t->len), *dash = memchr(t->ptr, '-', t->len);
	struct bh_addr a;

	if (slash) {
		parse_prefix(t, slash, c, ret);
	} else if (dash) {
		parse_range(t, dash, c, ret);
	} else if (bh_addr_parse(t->ptr, t->len, &a) == 0) {
		ret->lo = ret->hi = a.num;
		ret->family = a.family;
		ret->kind = BH_ITEM_ADDRESS;
	} else {
		not_an_address(t, c);
	}
}

void bh_item_parse(const struct bh_token *t, bool hosts, struct bh_complain *c, struct bh_arena *a,
	struct bh_item *ret)
{
	enum bh_item_kind builtin;
	char word[80];

	*ret = (struct bh_item){ .mark = t->mark, .kind = BH_ITEM_BROKEN };
	if (looks_like_address(t->ptr, t->len)) {
		parse_address(t, c, ret);
		return;
	}
	const char *problem = bh_name_problem(t->ptr, t->len);
	if (problem) {
		bh_complain(c, BH_ERROR, &t->mark, "'%s' %s: %s", shown(t, word), problem,
			hosts ? "write an address, a prefix, a range, a set's or a machine's name"
			      : "write an address, a prefix, a range or a set's name");
		return;
	}
	ret->name = bh_arena_strn(a, t->ptr, t->len);
	if (!ret->name)
		return;
	ret->kind = bh_is_builtin_set(ret->name, &builtin) ? (uint8_t)builtin : BH_ITEM_WORD;
}
