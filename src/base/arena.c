#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ALIGN       16u
#define CHUNK_BYTES (64u * 1024u - 64u)

struct bh_arena_chunk {
	struct bh_arena_chunk *next;
	size_t used, size;
	_Alignas(ALIGN) uint8_t bytes[];
};

void *bh_arena_alloc(struct bh_arena *a, size_t size)
{
	if (a->failed || size > SIZE_MAX - sizeof(struct bh_arena_chunk) - ALIGN) {
		a->failed = true;
		return NULL;
	}
	size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);

	struct bh_arena_chunk *c = a->chunk;
	if (!c || size > c->size - c->used) {
		/* A large piece gets a chunk of its own behind the current one, so
		 * that the room left in the current one is not lost. */
		size_t room = bh_max_size(size, CHUNK_BYTES);
		struct bh_arena_chunk *fresh = calloc(1, sizeof *fresh + room);
		if (!fresh) {
			a->failed = true;
			return NULL;
		}
		fresh->size = room;
		if (c && size > CHUNK_BYTES / 4) {
			fresh->next = c->next;
			c->next = fresh;
		} else {
			fresh->next = c;
			a->chunk = fresh;
		}
		c = fresh;
	}
	void *p = c->bytes + c->used;
	c->used += size;
	a->total += size;
	return p;
}

void *bh_arena_array(struct bh_arena *a, size_t n, size_t size)
{
	if (size && n > SIZE_MAX / size) {
		a->failed = true;
		return NULL;
	}
	return bh_arena_alloc(a, n * size);
}

void *bh_arena_copy(struct bh_arena *a, const void *ptr, size_t len)
{
	void *p = bh_arena_alloc(a, len);

	if (p && len)
		memcpy(p, ptr, len);
	return p;
}

char *bh_arena_strn(struct bh_arena *a, const char *s, size_t len)
{
	char *p = len < SIZE_MAX ? bh_arena_alloc(a, len + 1) : NULL;

	if (p && len)
		memcpy(p, s, len);
	return p;
}

char *bh_arena_str(struct bh_arena *a, const char *s)
{
	return bh_arena_strn(a, s, strlen(s));
}

char *bh_arena_printf(struct bh_arena *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		a->failed = true;
		return NULL;
	}
	char *p = bh_arena_alloc(a, (size_t)n + 1);
	if (!p)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}

void bh_arena_reset(struct bh_arena *a)
{
	while (a->chunk) {
		struct bh_arena_chunk *next = a->chunk->next;
		free(a->chunk);
		a->chunk = next;
	}
	a->total = 0;
	a->failed = false;
}
