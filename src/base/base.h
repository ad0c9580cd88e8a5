/*
 * base: the ground everything stands on.  Knows nothing of SMB.
 *
 * Conventions that hold in every room (CONTRIBUTING.md has the reasons):
 * functions that can fail return 0 or a negative errno and leave *ret alone on
 * failure; BH_MUST makes the compiler see to it that the answer is looked at.
 */
#pragma once

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BH_MUST         __attribute__((warn_unused_result))
#define BH_PRINTF(a, b) __attribute__((format(printf, a, b)))
#define BH_UNUSED       __attribute__((unused))
/* What every packet passes is made one piece, and what few do is kept out of its way. */
#define BH_HOT          inline __attribute__((always_inline))
#define BH_RARE         __attribute__((noinline))
/* A large local in the path of every packet that is filled in before it is read: it is not
 * zeroed first, as all others are (-ftrivial-auto-var-init). */
#define BH_FILLED       __attribute__((uninitialized))
#define BH_LEN(array)   (sizeof(array) / sizeof((array)[0]))

/* BH_AUTO(bh_thing) t: calls bh_thing_freep(&t) when t leaves its scope. */
#define BH_AUTO(type) __attribute__((cleanup(type##_freep))) struct type *

/* Declares the clean-up that BH_AUTO needs, from bh_thing_free(). */
#define BH_AUTO_FREE(type)                                                                         \
	static inline void type##_freep(struct type **p)                                           \
	{                                                                                          \
		type##_free(*p);                                                                   \
	}

static inline size_t bh_min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static inline size_t bh_max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* Borrowed bytes: they belong to somebody else and die when the call returns. */
struct bh_span {
	const uint8_t *ptr;
	size_t len;
};

static inline struct bh_span bh_span_of(const void *ptr, size_t len)
{
	return (struct bh_span){ .ptr = ptr, .len = len };
}
