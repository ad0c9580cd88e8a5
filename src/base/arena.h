/*
 * arena: memory that is freed at once: a whole policy, plan or batch.
 *
 * Failure is sticky.  When memory runs out every later allocation returns NULL and
 * bh_arena_ok() says so; code that builds large values from small ones asks once,
 * at its end, and returns -ENOMEM.
 */
#pragma once

#include "base/base.h"

struct bh_arena {
	struct bh_arena_chunk *chunk;
	size_t total; /* bytes asked for so far */
	bool failed;
};

/* Zeroed, aligned for any type (16 bytes); NULL when memory ran out. */
void *bh_arena_alloc(struct bh_arena *a, size_t size);

/* The same for n elements; an overflowing product is a failure like any other. */
void *bh_arena_array(struct bh_arena *a, size_t n, size_t size);

/* Copies; the string form adds the NUL.  NULL when memory ran out. */
void *bh_arena_copy(struct bh_arena *a, const void *ptr, size_t len);
char *bh_arena_str(struct bh_arena *a, const char *s);
char *bh_arena_strn(struct bh_arena *a, const char *s, size_t len);
char *bh_arena_printf(struct bh_arena *a, const char *fmt, ...) BH_PRINTF(2, 3);

static inline bool bh_arena_ok(const struct bh_arena *a)
{
	return !a->failed;
}

/* Frees everything; the arena can be used again. */
void bh_arena_reset(struct bh_arena *a);

#define BH_AUTO_ARENA __attribute__((cleanup(bh_arena_reset))) struct bh_arena
