/*
 * cur: a cursor over borrowed bytes with a sticky error.
 *
 * Read every field in the order of the specification, ask bh_cur_ok() once, then
 * believe.  A read past the end returns zero and the cursor stays bad for good.
 * Never read twice in one expression or initializer: C leaves the order open.
 */
#pragma once

#include "base/base.h"

struct bh_cur {
	const uint8_t *start; /* offsets from the wire count from here */
	const uint8_t *at;
	const uint8_t *end;
	bool bad;
};

/* What is behind the first n bytes of s, which has as many. */
static inline struct bh_span bh_span_behind(struct bh_span s, size_t n)
{
	assert(n <= s.len);
	return bh_span_of(s.ptr + n, s.len - n);
}

static inline struct bh_cur bh_cur_of(struct bh_span s)
{
	static const uint8_t nothing[1];
	const uint8_t *p = s.ptr ? s.ptr : nothing;

	return (struct bh_cur){ .start = p, .at = p, .end = p + (s.ptr ? s.len : 0) };
}

static inline bool bh_cur_ok(const struct bh_cur *c)
{
	return !c->bad;
}

static inline void bh_cur_fail(struct bh_cur *c)
{
	c->bad = true;
	c->at = c->end;
}

static inline size_t bh_cur_left(const struct bh_cur *c)
{
	return (size_t)(c->end - c->at);
}

static inline size_t bh_cur_offset(const struct bh_cur *c)
{
	return (size_t)(c->at - c->start);
}

/* The next len bytes, or an empty span and a bad cursor. */
static inline struct bh_span bh_cur_take(struct bh_cur *c, size_t len)
{
	if (c->bad || len > bh_cur_left(c)) {
		bh_cur_fail(c);
		return (struct bh_span){ 0 };
	}
	struct bh_span s = bh_span_of(c->at, len);
	c->at += len;
	return s;
}

static inline void bh_cur_skip(struct bh_cur *c, size_t len)
{
	(void)bh_cur_take(c, len);
}

/* The bytes [off, off+len) counted from the start of the whole span, wherever the
 * cursor stands; the cursor does not move.  The only way an offset from the wire
 * becomes a pointer. */
static inline struct bh_span bh_cur_window(struct bh_cur *c, size_t off, size_t len)
{
	size_t whole = (size_t)(c->end - c->start);

	if (c->bad || off > whole || len > whole - off) {
		bh_cur_fail(c);
		return (struct bh_span){ 0 };
	}
	return bh_span_of(c->start + off, len);
}

static inline uint8_t bh_cur_u8(struct bh_cur *c)
{
	struct bh_span s = bh_cur_take(c, 1);
	return s.len ? s.ptr[0] : 0;
}

static inline uint16_t bh_cur_le16(struct bh_cur *c)
{
	struct bh_span s = bh_cur_take(c, 2);
	return (uint16_t)(s.len ? s.ptr[0] | s.ptr[1] << 8 : 0);
}

static inline uint16_t bh_cur_be16(struct bh_cur *c)
{
	struct bh_span s = bh_cur_take(c, 2);
	return (uint16_t)(s.len ? s.ptr[0] << 8 | s.ptr[1] : 0);
}

static inline uint32_t bh_cur_be24(struct bh_cur *c)
{
	struct bh_span s = bh_cur_take(c, 3);
	return s.len ? (uint32_t)s.ptr[0] << 16 | (uint32_t)s.ptr[1] << 8 | s.ptr[2] : 0;
}

static inline uint32_t bh_cur_le32(struct bh_cur *c)
{
	struct bh_span s = bh_cur_take(c, 4);
	return s.len ? (uint32_t)s.ptr[3] << 24 | (uint32_t)s.ptr[2] << 16 |
			       (uint32_t)s.ptr[1] << 8 | s.ptr[0]
		     : 0;
}

static inline uint32_t bh_cur_be32(struct bh_cur *c)
{
	struct bh_span s = bh_cur_take(c, 4);
	return s.len ? (uint32_t)s.ptr[0] << 24 | (uint32_t)s.ptr[1] << 16 |
			       (uint32_t)s.ptr[2] << 8 | s.ptr[3]
		     : 0;
}

static inline uint64_t bh_cur_le64(struct bh_cur *c)
{
	uint64_t lo = bh_cur_le32(c);
	uint64_t hi = bh_cur_le32(c);
	return hi << 32 | lo;
}

static inline uint64_t bh_cur_be64(struct bh_cur *c)
{
	uint64_t hi = bh_cur_be32(c);
	uint64_t lo = bh_cur_be32(c);
	return hi << 32 | lo;
}

/* In this machine's byte order: what its kernel tells. */
static inline uint16_t bh_cur_host16(struct bh_cur *c)
{
	struct bh_span s = bh_cur_take(c, 2);
	uint16_t v = 0;

	if (s.len)
		memcpy(&v, s.ptr, sizeof v);
	return v;
}

static inline uint32_t bh_cur_host32(struct bh_cur *c)
{
	struct bh_span s = bh_cur_take(c, 4);
	uint32_t v = 0;

	if (s.len)
		memcpy(&v, s.ptr, sizeof v);
	return v;
}

/* Fails unless the next field is exactly v. */
static inline void bh_cur_want_le16(struct bh_cur *c, uint16_t v)
{
	if (bh_cur_le16(c) != v)
		bh_cur_fail(c);
}
