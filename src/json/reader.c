#include "json/reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void reader_complain(struct reader *r, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (r->diags->errors >= BH_MAX_TAGS_ERRORS) {
		r->diags->errors++;
		r->more++;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	struct bh_diag *d = bh_diag_add(r->diags, BH_ERROR, "%s", text);
	d->file = r->file;
	place_of(r->text, r->at, r->depth, r->a, d);
}

void reader_down(struct reader *r, const char *key, size_t index)
{
	assert(r->depth < READER_STEPS);
	r->at[r->depth++] = (struct place_step){ .key = key, .index = index };
}

void reader_up(struct reader *r)
{
	r->depth--;
}

/* Whoever reads text from here may print it and write it into a policy. */
static bool tag_name(const char *s)
{
	if (!*s || strlen(s) > 255)
		return false;
	for (; *s; s++) {
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.",
			    *s))
			return false;
	}
	return true;
}

const char *reader_name(struct reader *r, const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	if (text && tag_name(text))
		return bh_arena_str(r->a, text);
	reader_down(r, key, 0);
	if (!json_object_get(o, key))
		reader_complain(r, "\"%s\" is missing here", key);
	else
		reader_complain(r, "\"%s\" is no name of letters, digits, '-', '_' and '.'", key);
	reader_up(r);
	return NULL;
}

uint64_t reader_number(struct reader *r, const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	if (json_is_integer(v) && json_integer_value(v) >= 0)
		return (uint64_t)json_integer_value(v);
	reader_down(r, key, 0);
	reader_complain(
		r, v ? "\"%s\" is no whole number from 0 on" : "\"%s\" is missing here", key);
	reader_up(r);
	return 0;
}

/* A string of the file in a sentence: short, and of characters that print. */
static const char *shown(struct reader *r, const char *text)
{
	char *s = bh_arena_strn(r->a, text, bh_min_size(strlen(text), 60));

	for (char *p = s; p && *p; p++) {
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
	}
	return s ? s : "";
}

/* Does a prefix hold addresses that no cloud has?  A file that names them would admit
 * one's own network. */
static bool internet(const struct bh_addr *lo, bh_u128 hi)
{
	static const uint32_t private[] = { 0x0a000000, 0xac100000, 0xc0a80000, 0x64400000,
		0xa9fe0000, 0x7f000000 };

	if (lo->family == BH_V6)
		return lo->num >> 125 == 1; /* 2000::/3 */
	for (size_t i = 0; i < BH_LEN(private); i++) {
		if (lo->num <= private[i] && private[i] <= hi)
			return false;
	}
	return bh_addr_public(lo) && lo->num >> 24 && hi < 0xe0000000;
}

/* Leaves family and ret alone when it complains. */
static void prefix(struct reader *r, const char *text, uint8_t *family, struct bh_range *ret)
{
	struct bh_addr lo;
	unsigned bits;

	if (bh_prefix_parse(text, strlen(text), &lo, &bits)) {
		reader_complain(r, "'%s' is no address and no prefix", shown(r, text));
		return;
	}
	if (bits < (lo.family == BH_V4 ? BH_MIN_TAGS_BITS4 : BH_MIN_TAGS_BITS6)) {
		reader_complain(r, "'%s' is wider than any cloud: the file is not believed",
			shown(r, text));
		return;
	}
	bh_u128 host = ((bh_u128)1 << (bh_addr_bits(lo.family) - bits)) - 1;
	if (lo.num & host) {
		reader_complain(r,
			"'%s' has bits of the host set: a network begins at a multiple of its size",
			shown(r, text));
		return;
	}
	if (!internet(&lo, lo.num | host)) {
		reader_complain(r, "'%s' is no part of the Internet: the file is not believed",
			shown(r, text));
		return;
	}
	*family = lo.family;
	*ret = (struct bh_range){ lo.num, lo.num | host };
}

void reader_prefixes(struct reader *r, const json_t *list, struct list *ret4, struct list *ret6)
{
	size_t n = json_array_size(list), n4 = 0, n6 = 0;
	struct bh_range *v4 = bh_arena_array(r->a, n + 1, sizeof *v4);
	struct bh_range *v6 = bh_arena_array(r->a, n + 1, sizeof *v6);

	if (!json_is_array(list))
		reader_complain(r, "here an array of prefixes is expected");
	for (size_t i = 0; v4 && v6 && i < n; i++) {
		const char *text = json_string_value(json_array_get(list, i));
		struct bh_range one = { 0 };
		uint8_t family = BH_NO_ADDR;
		reader_down(r, NULL, i);
		if (!text)
			reader_complain(r, "here a prefix is expected, as a string");
		else
			prefix(r, text, &family, &one);
		if (family == BH_V4)
			v4[n4++] = one;
		else if (family == BH_V6)
			v6[n6++] = one;
		reader_up(r);
	}
	*ret4 = (struct list){ v4, n4 };
	*ret6 = (struct list){ v6, n6 };
}

/* "80,443", "50000-50019": how many ranges went into v, of n there is room for; SIZE_MAX
 * when the text is something else. */
static size_t port_ranges(const char *s, struct bh_range *v, size_t n)
{
	size_t m = 0;

	while (*s) {
		unsigned long port[2];
		char *end;
		s += strspn(s, " ");
		if (*s < '0' || *s > '9' || m == n)
			return SIZE_MAX;
		port[0] = port[1] = strtoul(s, &end, 10);
		if (*end == '-' && end[1] >= '0' && end[1] <= '9')
			port[1] = strtoul(end + 1, &end, 10);
		end += strspn(end, " ");
		if (port[0] > port[1] || port[1] > UINT16_MAX || (*end && *end != ','))
			return SIZE_MAX;
		v[m++] = (struct bh_range){ port[0], port[1] };
		s = *end ? end + 1 : end;
	}
	return m;
}

struct list reader_ports(struct reader *r, const json_t *o, const char *key)
{
	const json_t *value = json_object_get(o, key);
	const char *text = json_string_value(value);
	size_t room = text ? strlen(text) / 2 + 1 : 0, n = 0;
	struct bh_range *v = bh_arena_array(r->a, room + 1, sizeof *v);

	if (v && text)
		n = port_ranges(text, v, room);
	if (n == SIZE_MAX || (value && !text)) {
		reader_down(r, key, 0);
		reader_complain(r, "\"%s\" is no list of ports such as \"80,443\"", key);
		reader_up(r);
		n = 0;
	}
	return (struct list){ v, n };
}
