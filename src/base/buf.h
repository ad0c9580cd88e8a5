/*
 * buf: bytes or text that grow.  Always NUL-terminated when not NULL.
 *
 * Failure is sticky, as in the arena: append freely, ask bh_buf_ok() once.
 */
#pragma once

#include "base/base.h"

struct bh_buf {
	char *ptr; /* owned; NULL while empty */
	size_t len, cap;
	bool failed;
};

void bh_buf_add(struct bh_buf *b, const void *ptr, size_t len);
void bh_buf_str(struct bh_buf *b, const char *s);
void bh_buf_printf(struct bh_buf *b, const char *fmt, ...) BH_PRINTF(2, 3);
void bh_buf_u8(struct bh_buf *b, uint8_t v);
void bh_buf_le16(struct bh_buf *b, uint16_t v);
void bh_buf_le32(struct bh_buf *b, uint32_t v);
void bh_buf_le64(struct bh_buf *b, uint64_t v);
void bh_buf_reset(struct bh_buf *b); /* frees */

static inline bool bh_buf_ok(const struct bh_buf *b)
{
	return !b->failed;
}

/* The text so far, "" when there is none; belongs to the buffer. */
static inline const char *bh_buf_text(const struct bh_buf *b)
{
	return b->ptr ? b->ptr : "";
}

#define BH_AUTO_BUF __attribute__((cleanup(bh_buf_reset))) struct bh_buf
