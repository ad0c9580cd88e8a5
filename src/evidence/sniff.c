/*
 * What a file is, by its first bytes.  They may be UTF-16 and may end anywhere.
 */
#include "evidence/log.h"

enum { MAX_LINES = 2000 };

/* Its ASCII characters, others as '?': all that is looked for is ASCII. */
static struct bh_span narrow(struct bh_span s, char *ret, size_t size)
{
	struct bh_cur c = bh_cur_of(s);
	size_t n = 0;

	bool marked = s.len > 1 && (s.ptr[0] ^ s.ptr[1]) == 1 && (s.ptr[0] & s.ptr[1]) == 0xfe;
	bool big = s.len > 1 && (marked ? s.ptr[0] == 0xfe : !s.ptr[0]);
	if (marked)
		bh_cur_skip(&c, 2);
	while (bh_cur_left(&c) > 1 && n < size) {
		uint16_t ch = big ? bh_cur_be16(&c) : bh_cur_le16(&c);
		ret[n++] = ch < 0x80 ? (char)ch : '?';
	}
	return bh_span_of(ret, n);
}

static bool is_wide(struct bh_span s)
{
	return s.len > 1 && (!s.ptr[0] != !s.ptr[1] || (s.ptr[0] == 0xff && s.ptr[1] == 0xfe) ||
				    (s.ptr[0] == 0xfe && s.ptr[1] == 0xff));
}

static bool begins(struct bh_span s, const char *text)
{
	size_t n = strlen(text);

	return s.len >= n && !memcmp(s.ptr, text, n);
}

static struct bh_span skip(struct bh_span s)
{
	struct bh_cur c = bh_cur_of(s);

	if (begins(s, "\xef\xbb\xbf"))
		bh_cur_skip(&c, 3);
	while (bh_cur_left(&c) && c.at[0] <= ' ')
		bh_cur_skip(&c, 1);
	return bh_cur_take(&c, bh_cur_left(&c));
}

static bool next_line(struct bh_cur *c, struct bh_span *ret)
{
	const uint8_t *end = bh_cur_left(c) ? memchr(c->at, '\n', bh_cur_left(c)) : NULL;

	if (!bh_cur_left(c))
		return false;
	struct bh_span s = bh_cur_take(c, end ? (size_t)(end - c->at) : bh_cur_left(c));
	if (end)
		bh_cur_skip(c, 1);
	while (s.len && s.ptr[s.len - 1] <= ' ')
		s.len--;
	*ret = s;
	return true;
}

/* {"a" or {} or [{ or [[: JSON, not "[2026/01/31 …". */
static bool is_json(struct bh_span s)
{
	struct bh_cur c = bh_cur_of(s);
	uint8_t open = bh_cur_u8(&c);
	struct bh_span in = skip(bh_cur_take(&c, bh_cur_left(&c)));

	if (!in.len)
		return open == '{';
	return open == '{'
		       ? in.ptr[0] == '"' || in.ptr[0] == '}'
		       : open == '[' && (in.ptr[0] == '{' || in.ptr[0] == '[' || in.ptr[0] == ']');
}

static enum bh_log_kind line_kind(struct bh_span line)
{
	if (begins(line, "#separator") || begins(line, "#fields\t"))
		return BH_LOG_ZEEK;
	if (begins(line, "#Fields: date time action") ||
		begins(line, "#Software: Microsoft Windows Firewall") ||
		begins(line, "#Software: Microsoft Internet Connection Firewall") ||
		bh_pfirewall_is(line))
		return BH_LOG_PFIREWALL;
	if (bh_samba_is(line))
		return BH_LOG_SAMBA;
	return bh_csv_head(line) ? BH_LOG_CSV : BH_LOG_NONE;
}

/* Samba writes lines of JSON among others; a journal in JSON holds lines of Samba, and is
 * none. */
static enum bh_log_kind json_kind(struct bh_span first_line)
{
	bool ours = begins(first_line, "{\"timestamp\"") || begins(first_line, "{ \"timestamp\"");

	return ours && bh_samba_is(first_line) ? BH_LOG_SAMBA : BH_LOG_JSON;
}

static enum bh_log_kind text_kind(struct bh_span s)
{
	struct bh_cur c = bh_cur_of(s);
	enum bh_log_kind kind = BH_LOG_NONE;
	struct bh_span line = { 0 };

	if (begins(s, "<") && memmem(s.ptr, s.len, "<Event", 6))
		return BH_LOG_XML;
	bool json = is_json(s);
	for (unsigned i = 0; kind == BH_LOG_NONE && i < MAX_LINES && next_line(&c, &line); i++) {
		if (json)
			return json_kind(line);
		if (line.len)
			kind = line_kind(line);
	}
	return kind;
}

enum bh_log_kind bh_log_sniff(struct bh_span first_bytes)
{
	char text[BH_LOG_SNIFF / 2];

	if (bh_evtx_is(first_bytes))
		return BH_LOG_EVTX;
	first_bytes.len = bh_min_size(first_bytes.len, BH_LOG_SNIFF);
	if (is_wide(first_bytes))
		first_bytes = narrow(first_bytes, text, sizeof text);
	return text_kind(skip(first_bytes));
}
