#include "evidence/event.h"

struct bh_span bh_event_get(const struct bh_event *e, const char *name)
{
	for (size_t i = 0; i < e->n_values; i++) {
		if (bh_event_is(e->values[i].name, name))
			return e->values[i].text;
	}
	return (struct bh_span){ 0 };
}

bool bh_event_is(struct bh_span s, const char *text)
{
	size_t len = strlen(text);

	return s.len == len && (!len || !memcmp(s.ptr, text, len));
}

static uint8_t lower(uint8_t ch)
{
	return ch >= 'A' && ch <= 'Z' ? (uint8_t)(ch | 0x20) : ch;
}

bool bh_event_like(struct bh_span s, const char *text)
{
	if (s.len != strlen(text))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (lower(s.ptr[i]) != lower((uint8_t)text[i]))
			return false;
	}
	return true;
}

static struct bh_span trim(struct bh_span s)
{
	while (s.len && s.ptr[0] <= ' ') {
		s.ptr++;
		s.len--;
	}
	while (s.len && s.ptr[s.len - 1] <= ' ')
		s.len--;
	return s;
}

static int digit(uint8_t ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	ch = lower(ch);
	return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : 16;
}

int bh_event_number(struct bh_span text, uint64_t *ret)
{
	struct bh_span s = trim(text);
	unsigned base = s.len > 2 && s.ptr[0] == '0' && lower(s.ptr[1]) == 'x' ? 16 : 10;
	uint64_t v = 0;

	if (!s.len)
		return -EINVAL;
	for (size_t i = base == 16 ? 2 : 0; i < s.len; i++) {
		unsigned d = (unsigned)digit(s.ptr[i]);
		if (d >= base || v > (UINT64_MAX - d) / base)
			return -EINVAL;
		v = v * base + d;
	}
	*ret = v;
	return 0;
}
