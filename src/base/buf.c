#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Room for len more bytes and the NUL. */
static bool grow(struct bh_buf *b, size_t len)
{
	if (b->failed)
		return false;
	if (len >= SIZE_MAX / 2 - b->len) {
		b->failed = true;
		return false;
	}
	size_t want = b->len + len + 1;
	if (want <= b->cap)
		return true;
	size_t cap = bh_max_size(want, b->cap + b->cap / 2 + 64);
	char *p = realloc(b->ptr, cap);
	if (!p) {
		b->failed = true;
		return false;
	}
	b->ptr = p;
	b->cap = cap;
	return true;
}

void bh_buf_add(struct bh_buf *b, const void *ptr, size_t len)
{
	if (!grow(b, len))
		return;
	if (len)
		memcpy(b->ptr + b->len, ptr, len);
	b->len += len;
	b->ptr[b->len] = '\0';
}

void bh_buf_str(struct bh_buf *b, const char *s)
{
	bh_buf_add(b, s, strlen(s));
}

void bh_buf_printf(struct bh_buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = true;
		return;
	}
	if (!grow(b, (size_t)n))
		return;
	va_start(ap, fmt);
	vsnprintf(b->ptr + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

void bh_buf_u8(struct bh_buf *b, uint8_t v)
{
	bh_buf_add(b, &v, 1);
}

void bh_buf_le16(struct bh_buf *b, uint16_t v)
{
	bh_buf_u8(b, (uint8_t)v);
	bh_buf_u8(b, (uint8_t)(v >> 8));
}

void bh_buf_le32(struct bh_buf *b, uint32_t v)
{
	bh_buf_le16(b, (uint16_t)v);
	bh_buf_le16(b, (uint16_t)(v >> 16));
}

void bh_buf_le64(struct bh_buf *b, uint64_t v)
{
	bh_buf_le32(b, (uint32_t)v);
	bh_buf_le32(b, (uint32_t)(v >> 32));
}

void bh_buf_reset(struct bh_buf *b)
{
	free(b->ptr);
	*b = (struct bh_buf){ 0 };
}
